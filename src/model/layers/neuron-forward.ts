/**
 * How a neuron layer runs its definition over a sequence: one scan for all neurons, or one for each channel where decays are learned by
 * channel; graded spikes; which sequences are kept. It knows no neuron's equations.
 */
import { mul, type NeuronScanResult, neuronScan, permute, stack, type Tensor, unstack } from "../../tensor/index.ts";
import {
  initialLearned,
  initialState,
  isOwnNeuron,
  type NeuronVariant,
  neuronDefinition,
  ownKernels,
  REFERENCE_RULES,
  type Reference,
  variantOf,
} from "../neurons/index.ts";
import { type Surrogate, surrogateCall } from "../surrogates/index.ts";
import type { ForwardContext } from "./define.ts";
import { gradedSpikes } from "./graded-spikes.ts";
import type { Layer } from "./layer.ts";

/** What every neuron layer has besides the options of its definition, and what some definitions add for their layer. */
export interface NeuronLayerOptions {
  /** Derivative that stands in for that of the spike. */
  surrogate: Surrogate;
  /** Keep the states of all steps (`layer.state.get("v_seq")`, `[T, N, ...]`) until `resetNet`. */
  storeVSeq: boolean;
  /** Keep the current of all steps (`current_seq`). */
  storeISeq?: boolean;
  /** Learned values have one number for each of so many channels. */
  channels?: number;
  /** A spike carries the potential it fired with. */
  gradedSpike?: boolean;
  /** No gradient flows to an earlier call. */
  persistentState?: boolean;
  reference?: Reference;
  [option: string]: unknown;
}

/** The options that the neuron's definition knows. */
export function neuronOptions({ surrogate: _, storeVSeq: __, ...options }: NeuronLayerOptions): object {
  return options;
}

/** What the sequence of a state is remembered as, behind the state's name. */
const SEQUENCE = "_seq";

/** One scan: neurons that share their learned values. */
interface Group {
  x: Tensor;
  /** By name; absent before the first step. */
  states: ReadonlyMap<string, Tensor>;
  /** By name, one element each. */
  learned: Readonly<Record<string, Tensor>>;
}

interface GroupResult extends NeuronScanResult {
  variant: NeuronVariant;
}

export function forwardNeuron(
  kind: string,
  x: Tensor,
  layer: Layer<NeuronLayerOptions>,
  context: ForwardContext,
): Tensor {
  const { channels, persistentState, gradedSpike } = layer.options;
  const states = new Map([...layer.state].filter(([name]) => !name.endsWith(SEQUENCE)));
  if (persistentState) for (const [name, state] of states) states.set(name, state.detach());
  const learned = Object.fromEntries(layer.parameters);
  const run = (group: Group) => runGroup(kind, layer.options, group, context);
  const result =
    channels === undefined || layer.parameters.size === 0
      ? run({ x, states, learned })
      : runChannels(run, { x, states, learned });
  keepStates(layer, result);
  if (context.charged) lendCharged(kind, layer, result, context);
  if (!gradedSpike || !result.variant.fires) return result.spike;
  const charged = result.saved[result.variant.savedNames.indexOf("charged")]!;
  return layer.options.reference === "slayer"
    ? gradedSpikes(result.spike, charged, surrogateNumbers(kind, layer.options))
    : mul(result.spike, charged);
}

/** The potential as the neuron compares it: in float16 seen from the reset potential, with a threshold shifted alike. */
function lendCharged(kind: string, layer: Layer<NeuronLayerOptions>, result: GroupResult, context: ForwardContext) {
  const charged = result.saved[result.variant.savedNames.indexOf("charged")];
  const threshold = neuronDefinition(kind).threshold?.(optionsAsRead(kind, layer.options, context));
  if (charged && threshold !== undefined) context.charged?.(layer, charged, threshold);
}

/** In float16 a neuron runs seen from its reset potential, as its exported graph does. */
function optionsAsRead(kind: string, layerOptions: NeuronLayerOptions, { arithmetic }: ForwardContext): object {
  const options = neuronOptions(layerOptions);
  return arithmetic === "float16" ? (neuronDefinition(kind).shifted?.(options) ?? options) : options;
}

function storesBeforeReset({ storeVSeq, reference }: NeuronLayerOptions): boolean {
  return storeVSeq && reference !== undefined && REFERENCE_RULES[reference].storesVoltageBeforeReset;
}

/** Final states, and the sequences that options ask for. */
function keepStates(layer: Layer<NeuronLayerOptions>, { variant, finalStates, stateSeqs, saved }: GroupResult): void {
  const { storeVSeq, storeISeq } = layer.options;
  const beforeReset = storesBeforeReset(layer.options);
  variant.stateNames.forEach((name, i) => {
    layer.remember(name, finalStates[i]!);
    if (!(storeVSeq || (storeISeq && name === "current"))) return;
    const before = beforeReset && name === "voltage" ? saved[variant.savedNames.indexOf("charged")] : null;
    layer.remember(name + SEQUENCE, before ?? stateSeqs[i]!);
  });
}

function surrogateNumbers(kind: string, options: NeuronLayerOptions) {
  const threshold = neuronDefinition(kind).threshold?.(neuronOptions(options)) ?? 1;
  return { threshold, ...options.surrogate } as { threshold: number; tauGrad?: number; scaleGrad?: number };
}

function runGroup(kind: string, layerOptions: NeuronLayerOptions, group: Group, context: ForwardContext): GroupResult {
  const definition = neuronDefinition(kind);
  const reading = context.arithmetic === "float16" ? "half" : "float32";
  const options = optionsAsRead(kind, layerOptions, context);
  const names = Object.keys(initialLearned(kind, options));
  const numbers = Object.fromEntries(names.map((name) => [name, group.learned[name]!.item()]));
  const variant = variantOf(kind, options, reading, numbers);
  const initial = initialState(kind, options);
  const { surrogate, storeVSeq, storeISeq = false, gradedSpike } = layerOptions;
  const call = surrogateCall(surrogate, { threshold: definition.threshold?.(options) ?? 1 });
  const own = isOwnNeuron(kind) ? { kernels: ownKernels(variant, options, surrogate) } : {};
  const result = neuronScan({
    x: group.x,
    initialStates: variant.stateNames.map((name) => group.states.get(name) ?? initial[name]!),
    variant: { ...variant, ...own },
    surrogate: { name: call.surrogate, params: call.surrogateParams },
    storeStateSeqs: storeVSeq || storeISeq,
    storeSaved:
      variant.fires && (gradedSpike === true || context.charged !== undefined || storesBeforeReset(layerOptions)),
    ...(names.length > 0
      ? {
          learned: {
            tensors: names.map((name) => group.learned[name]!),
            gradients: (gradParams: Float64Array) => {
              const gradients = variant.learnedGradients(gradParams);
              return names.map((name) => gradients[name]!);
            },
          },
        }
      : {}),
  });
  return { ...result, variant };
}

/** One scan for each channel of x `[T, N, C, ...]`; states `[N, C, ...]`, learned values `[C]`. */
function runChannels(run: (group: Group) => GroupResult, { x, states, learned }: Group): GroupResult {
  const inputs = unstack(channelFirst(x, 2));
  const statesOf = [...states].map(([name, state]) => [name, unstack(channelFirst(state, 1))] as const);
  const learnedOf = Object.entries(learned).map(([name, values]) => [name, unstack(values)] as const);
  const results = inputs.map((input, c) =>
    run({
      x: input,
      states: new Map(statesOf.map(([name, parts]) => [name, parts[c]!])),
      learned: Object.fromEntries(learnedOf.map(([name, parts]) => [name, parts[c]!])),
    }),
  );
  const join = (part: (result: GroupResult) => Tensor, axis: number) => channelBack(stack(results.map(part)), axis);
  const each = (parts: (result: GroupResult) => Tensor[], axis: number) =>
    parts(results[0]!).map((_, i) => join((result) => parts(result)[i]!, axis));
  return {
    variant: results[0]!.variant,
    spike: join(({ spike }) => spike, 2),
    finalStates: each(({ finalStates }) => finalStates, 1),
    stateSeqs: each(({ stateSeqs }) => stateSeqs, 2),
    saved: each(({ saved }) => saved, 2),
  };
}

/** Axis `axis` first. */
function channelFirst(x: Tensor, axis: number): Tensor {
  const axes = [...x.shape.keys()];
  return permute(x, [axis, ...axes.filter((i) => i !== axis)]);
}

/** The first axis at place `axis`. */
function channelBack(x: Tensor, axis: number): Tensor {
  const axes = [...x.shape.keys()].slice(1);
  return permute(x, [...axes.slice(0, axis), 0, ...axes.slice(axis)]);
}
