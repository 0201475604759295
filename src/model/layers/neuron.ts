/** Neurons as layers: one registry entry for each neuron definition, all made by the same rule. The equations are the definition's. */
import { z } from "zod";
import { neuronScan, type Tensor } from "../../tensor/index.ts";
import {
  initialLearned,
  initialState,
  type NeuronKind,
  neuronDefinition,
  neuronDefinitions,
  neuronKinds,
  parseNeuronOptions,
  variantOf,
} from "../neurons/index.ts";
import { parseSurrogate, type Surrogate, surrogateCall } from "../surrogates/index.ts";
import type { ForwardContext, LayerDefinition } from "./define.ts";
import type { Layer } from "./layer.ts";
import { type AnyLayerDefinition, layerFactory } from "./registry.ts";

/** What every neuron layer has besides the options of its definition. */
export interface NeuronLayerOptions {
  /** Derivative that stands in for that of the spike. */
  surrogate: Surrogate;
  /** Keep the states of all steps (`layer.state.get("v_seq")`, `[T, N, ...]`) until `resetNet`. */
  storeVSeq: boolean;
  [option: string]: unknown;
}

/** SpikingJelly's default. */
const DEFAULT_SURROGATE = { kind: "Sigmoid" };

function optionsOf(kind: string): z.ZodType<NeuronLayerOptions> {
  const wrapper = z.looseObject({
    surrogate: z.unknown().optional().describe('surrogate function, for example { "kind": "ATan", "alpha": 2 }'),
    storeVSeq: z.boolean().default(false).describe("keep the states of all steps"),
  });
  const parsed = wrapper.transform(({ surrogate, storeVSeq, ...options }) => ({
    ...parseNeuronOptions(kind, options),
    surrogate: parseSurrogate(surrogate ?? DEFAULT_SURROGATE, `${kind} surrogate`),
    storeVSeq,
  }));
  return parsed as unknown as z.ZodType<NeuronLayerOptions>;
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
    storeStateSeqs: storeVSeq || !variant.fires,
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
  });
  if (storeVSeq) {
    variant.stateNames.forEach((name, i) => {
      layer.remember(`${name}_seq`, variant.fires ? result.stateSeqs[i]! : result.stateSeqs[i]!.share());
    });
  }
  return variant.fires ? result.spike : result.stateSeqs[0]!;
}

function neuronLayerDefinition(kind: NeuronKind): LayerDefinition<NeuronLayerOptions> {
  const definition = neuronDefinition(kind);
  return {
    kind,
    summary: definition.summary,
    options: optionsOf(kind),
    sees: "sequence",
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

const byKind = Object.fromEntries(neuronKinds.map((kind) => [kind, neuronLayerDefinition(kind)])) as Record<
  NeuronKind,
  LayerDefinition<NeuronLayerOptions>
>;

export const neuronLayerDefinitions: readonly AnyLayerDefinition[] = Object.values(byKind);

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
