/** Neurons as layers: one registry entry for each neuron definition, all made by the same rule. The equations are the definition's. */
import { z } from "zod";
import {
  initialLearned,
  isOwnNeuron,
  type NeuronKind,
  type NeuronOptions,
  neuronDefinition,
  neuronDefinitions,
  neuronKinds,
} from "../neurons/index.ts";
import { parseSurrogate, type Surrogate } from "../surrogates/index.ts";
import type { LayerDefinition } from "./define.ts";
import type { Layer } from "./layer.ts";

export type { NeuronLayerOptions } from "./neuron-forward.ts";

import { forwardNeuron, type NeuronLayerOptions, neuronOptions } from "./neuron-forward.ts";
import { isParallelNeuron } from "./parallel-spiking.ts";
import { layerFactory } from "./registry.ts";

/** Options as written in code. */
export type NeuronLayerInput<K extends NeuronKind> = Partial<NeuronOptions<K>> & {
  surrogate?: Surrogate;
  storeVSeq?: boolean;
};

/** SpikingJelly's default. */
const USUAL_SURROGATE = parseSurrogate({ kind: "Sigmoid" });

function optionsOf<K extends NeuronKind>(kind: K): z.ZodType<NeuronLayerOptions, NeuronLayerInput<K>> {
  const extended = (neuronDefinition(kind).options as z.ZodObject).safeExtend({
    surrogate: z
      .unknown()
      .optional()
      .transform((chosen) => (chosen === undefined ? USUAL_SURROGATE : parseSurrogate(chosen, `${kind} surrogate`)))
      .describe('surrogate function, for example { "kind": "ATan", "alpha": 2 }'),
    storeVSeq: z.boolean().default(false).describe("keep the states of all steps"),
  });
  const { defaultSurrogate } = neuronDefinition(kind);
  // the object itself stands where none was chosen: an equal one may be a choice
  const complete = extended.overwrite((options) => {
    const own = options.surrogate === USUAL_SURROGATE ? defaultSurrogate?.(options) : null;
    return own ? { ...options, surrogate: parseSurrogate(own) } : options;
  });
  return complete as unknown as z.ZodType<NeuronLayerOptions, NeuronLayerInput<K>>;
}

/** Learned values by name: one set, or one for each channel where they round to different whole numbers. */
function learnedNumbers(layer: Layer<NeuronLayerOptions>, names: readonly string[]): Record<string, number>[] {
  const values = names.map((name): [string, ArrayLike<number>] => [name, layer.tensor(name).toArray()]);
  const differ = values.some(([, list]) =>
    Array.from(list).some((value) => Math.round(value) !== Math.round(list[0]!)),
  );
  const count = differ ? (layer.options.channels ?? 1) : 1;
  return Array.from({ length: count }, (_, c) => Object.fromEntries(values.map(([name, list]) => [name, list[c]!])));
}

/** The numbers that are not the same in all of some options, a list each. */
function differing(options: readonly object[]): Record<string, number[]> {
  const [first = {}] = options;
  const lists = Object.keys(first).map((name): [string, unknown[]] => [
    name,
    options.map((entry) => (entry as Record<string, unknown>)[name]),
  ]);
  return Object.fromEntries(
    lists.filter(([, list]) => list.some((value) => typeof value === "number" && value !== list[0])),
  ) as Record<string, number[]>;
}

/** The layer of a neuron definition. */
export function neuronLayerDefinition<K extends NeuronKind>(
  kind: K,
): LayerDefinition<NeuronLayerOptions, NeuronLayerInput<K>> {
  const definition = neuronDefinition(kind);
  return {
    kind,
    summary: definition.summary,
    options: optionsOf(kind),
    sees: "sequence",
    rounds: false,
    shape: (input) => input,
    parameters: (options) =>
      Object.fromEntries(
        Object.entries(initialLearned(kind, neuronOptions(options))).map(([name, value]) => [
          name,
          { shape: options.channels === undefined ? [] : [options.channels], init: { value } },
        ]),
      ),
    forward: (x, layer, context) => forwardNeuron(kind, x, layer, context),
    lower(layer, graph) {
      const options = neuronOptions(layer.options);
      const frozen = learnedNumbers(layer, Object.keys(initialLearned(kind, options))).map(
        (learned) => definition.freeze?.(options, learned) ?? { kind, options },
      );
      const channelOptions = differing(frozen.map((entry) => entry.options));
      graph.add("neuron", {
        source: layer.path,
        shape: graph.current.shape,
        neuron: frozen[0]!.kind,
        options: { ...frozen[0]!.options },
        ...(frozen.length > 1 ? { channelOptions } : {}),
      });
    },
  };
}

const byKind = Object.fromEntries(neuronKinds.map((kind) => [kind, neuronLayerDefinition(kind)])) as {
  [K in NeuronKind]: LayerDefinition<NeuronLayerOptions, NeuronLayerInput<K>>;
};

export const neuronLayerDefinitions: readonly LayerDefinition[] = Object.values(byKind);

/** True for layers whose output is spikes. */
export function isSpikingLayer(layer: Layer): boolean {
  return isParallelNeuron(layer) || isSpikingNeuron(layer);
}

/** True for neurons that are scanned over time and fire. */
export function isSpikingNeuron(layer: Layer): boolean {
  return (
    (layer.kind in neuronDefinitions || isOwnNeuron(layer.kind)) && neuronDefinition(layer.kind).threshold !== undefined
  );
}

export const IFNode = layerFactory(byKind.IFNode);
export const LIFNode = layerFactory(byKind.LIFNode);
export const ParametricLIFNode = layerFactory(byKind.ParametricLIFNode);
export const KLIFNode = layerFactory(byKind.KLIFNode);
export const QIFNode = layerFactory(byKind.QIFNode);
export const EIFNode = layerFactory(byKind.EIFNode);
/** Current-based LIF in floats; Lava's on the integer grid is `CubaLIFNode`. */
export const CUBALIFNode = layerFactory(byKind.CUBALIFNode);
export const NonSpikingIFNode = layerFactory(byKind.NonSpikingIFNode);
export const NonSpikingLIFNode = layerFactory(byKind.NonSpikingLIFNode);
export const CubaLIFNode = layerFactory(byKind.CubaLIFNode);
/** Lava's current integrator alone, for a norm between current and voltage. */
export const CubaCurrent = layerFactory(byKind.CubaCurrent);
/** Lava's voltage integrator with firing and reset, behind a norm. */
export const CubaVoltage = layerFactory(byKind.CubaVoltage);
export const cubaLIFNodeDefinition = byKind.CubaLIFNode;
