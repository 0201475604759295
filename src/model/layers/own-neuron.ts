/** A layer for a neuron that a user defines at run time. */
import type { z } from "zod";
import { type NeuronDefinition, type NeuronKind, registerNeuron } from "../neurons/index.ts";
import type { Surrogate } from "../surrogates/index.ts";
import type { LayerDefinition } from "./define.ts";
import { neuronLayerDefinition } from "./neuron.ts";
import type { NeuronLayerOptions } from "./neuron-forward.ts";
import { layerFactory } from "./registry.ts";

/**
 * Registers a neuron (`defineNeuron`) and returns the function that makes its layers, as `LIFNode` is one: input and spikes `[T, N, ...]`.
 * On a GPU it is compiled at its first step (NVRTC must be there) and kept on disk; on the CPU it runs in plain numbers, slowly. Networks with
 * it are described and read by registries that its `definition` was added to (`layerRegistry`).
 */
export function ownNeuron<O extends object>(neuron: NeuronDefinition & { options: z.ZodType<O> }) {
  registerNeuron(neuron);
  type Input = Partial<O> & { surrogate?: Surrogate; storeVSeq?: boolean };
  // The kind is a name like the built-in ones; only the types of their options know the difference.
  const definition = neuronLayerDefinition(neuron.kind as NeuronKind) as unknown as LayerDefinition<
    NeuronLayerOptions,
    Input
  >;
  return layerFactory(definition);
}
