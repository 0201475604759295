/** Neurons as layers: one registry entry for each neuron definition, all made by the same rule. The equations are the definition's. */
import { z } from "zod";
import { neuronScan, type Tensor } from "../../tensor/index.ts";
import {
  initialLearned,
  initialState,
  type NeuronKind,
  type NeuronOptions,
  neuronDefinition,
  neuronDefinitions,
  neuronKinds,
  variantOf,
} from "../neurons/index.ts";
import { parseSurrogate, type Surrogate, surrogateCall } from "../surrogates/index.ts";
import type { ForwardContext, LayerDefinition } from "./define.ts";
import type { Layer } from "./layer.ts";
import { layerFactory } from "./registry.ts";

/** What every neuron layer has besides the options of its definition. */
export interface NeuronLayerOptions {
  /** Derivative that stands in for that of the spike. */
  surrogate: Surrogate;
  /** Keep the states of all steps (`layer.state.get("v_seq")`, `[T, N, ...]`) until `resetNet`. */
  storeVSeq: boolean;
  [option: string]: unknown;
}

/** Options as written in code. */
export type NeuronLayerInput<K extends NeuronKind> = Partial<NeuronOptions<K>> & {
  surrogate?: Surrogate;
  storeVSeq?: boolean;
};

/** SpikingJelly's default. */
const DEFAULT_SURROGATE = { kind: "Sigmoid" };

function optionsOf<K extends NeuronKind>(kind: K): z.ZodType<NeuronLayerOptions, NeuronLayerInput<K>> {
  const extended = (neuronDefinition(kind).options as z.ZodObject).safeExtend({
    surrogate: z
      .unknown()
      .optional()
      .transform((chosen) => parseSurrogate(chosen ?? DEFAULT_SURROGATE, `${kind} surrogate`))
      .describe('surrogate function, for example { "kind": "ATan", "alpha": 2 }'),
    storeVSeq: z.boolean().default(false).describe("keep the states of all steps"),
  });
  return extended as unknown as z.ZodType<NeuronLayerOptions, NeuronLayerInput<K>>;
}

/** The options that the neuron's definition knows. */
function neuronOptions({ surrogate: _, storeVSeq: __, ...options }: NeuronLayerOptions): object {
  return options;
}

function learnedNumbers(layer: Layer<NeuronLayerOptions>, names: readonly string[]): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, layer.tensor(name).item()]));
}

function forward(kind: NeuronKind, x: Tensor, layer: Layer<NeuronLayerOptions>, context: ForwardContext): Tensor {
  const definition = neuronDefinition(kind);
  const reading = context.arithmetic === "float16" ? "half" : "float32";
  const given = neuronOptions(layer.options);
  // in float16 a neuron runs seen from its reset potential, as its exported graph does
  const options = reading === "half" && definition.shifted ? definition.shifted(given) : given;
  const names = Object.keys(initialLearned(kind, options));
  const variant = variantOf(kind, options, reading, learnedNumbers(layer, names));
  const initial = initialState(kind, options);
  const call = surrogateCall(layer.options.surrogate, { threshold: definition.threshold?.(options) ?? 1 });
  const { storeVSeq } = layer.options;
  const result = neuronScan({
    x,
    initialStates: variant.stateNames.map((name) => layer.state.get(name) ?? initial[name]!),
    variant,
    surrogate: { name: call.surrogate, params: call.surrogateParams },
    storeStateSeqs: storeVSeq,
    ...(names.length > 0
      ? {
          learned: {
            tensors: names.map((name) => layer.tensor(name)),
            gradients: (gradParams: Float64Array) => {
              const gradients = variant.learnedGradients(gradParams);
              return names.map((name) => gradients[name]!);
            },
          },
        }
      : {}),
  });
  variant.stateNames.forEach((name, i) => {
    layer.remember(name, result.finalStates[i]!);
    if (storeVSeq) layer.remember(`${name}_seq`, result.stateSeqs[i]!);
  });
  return result.spike;
}

function neuronLayerDefinition<K extends NeuronKind>(
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
          { shape: [], init: { value } },
        ]),
      ),
    forward: (x, layer, context) => forward(kind, x, layer, context),
    lower(layer, graph) {
      const options = neuronOptions(layer.options);
      const learned = learnedNumbers(layer, Object.keys(initialLearned(kind, options)));
      const frozen = definition.freeze?.(options, learned) ?? { kind, options };
      graph.add("neuron", {
        source: layer.path,
        shape: graph.current.shape,
        neuron: frozen.kind,
        options: { ...frozen.options },
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
  return layer.kind in neuronDefinitions && neuronDefinition(layer.kind).threshold !== undefined;
}

export const IFNode = layerFactory(byKind.IFNode);
export const LIFNode = layerFactory(byKind.LIFNode);
export const ParametricLIFNode = layerFactory(byKind.ParametricLIFNode);
export const CubaLIFNode = layerFactory(byKind.CubaLIFNode);
/** Lava's current integrator alone, for a norm between current and voltage. */
export const CubaCurrent = layerFactory(byKind.CubaCurrent);
/** Lava's voltage integrator with firing and reset, behind a norm. */
export const CubaVoltage = layerFactory(byKind.CubaVoltage);
export const cubaLIFNodeDefinition = byKind.CubaLIFNode;
