/**
 * One layer of a `.net` file on the native core. Sums of even weights and spikes are whole numbers below 2^24, so float32 convolutions
 * and matrix products give them exactly; where a bound cannot promise that, or a register may overflow, the plain arithmetic runs instead.
 */
import { sizeOf } from "../../../core/index.ts";
import { parseNeuronOptions, variantOf } from "../../../model/index.ts";
import {
  concat,
  conv2d,
  conv2dEvents,
  flatten,
  linear,
  neuronScan,
  reshape,
  slice,
  Tensor,
} from "../../../tensor/index.ts";
import type { Block, ConvSynapse } from "../chip/blocks.ts";
import { effectiveWeights, isLinear } from "../chip/dense-weights.ts";
import { type CubaParameters, DECAY_ONE, makeNeurons, type RegisterEvents } from "../chip/neurons/index.ts";
import { type Drive, driveOf, registerBounds } from "../chip/overflow.ts";
import { activationOf } from "../chip/plain-synapse.ts";

/** float32 holds every whole number up to here. */
const EXACT = 2 ** 24;
/** Registers and the sums of a convolution have 24 bits with sign. */
const REGISTER = 2 ** 23;

export interface BlockRun {
  steps: number;
  /** The neurons are reset at every multiple of it, counted from their first frame. */
  resetInterval: number | null;
  /** Largest size of a message into the block. */
  largestInput: number;
  events: RegisterEvents;
  /** Overflows are counted in so many steps. */
  countedSteps: number;
}

export interface BlockRunner {
  /** Messages `[steps * samples, ...]` in, spikes `[steps * samples, ...]` out. The caller frees both. */
  run(x: Tensor, samples: number): Tensor;
  dispose(): void;
}

type Activation = { run(x: Tensor): Tensor; dispose(): void };

export function makeBlockRunner(block: Block, run: BlockRun): BlockRunner {
  const native = nativeSums(block, run);
  if (!native) return { run: (x, samples) => plainBlock(block, run, x, samples), dispose: () => undefined };
  const neurons = native.boundedNeuron
    ? (activation: Tensor, samples: number) => scanned(native.boundedNeuron!, block, run, activation, samples)
    : (activation: Tensor, samples: number) => stepped(block, run, activation, samples);
  return {
    run(x, samples) {
      const activation = native.activation.run(x);
      const spikes = neurons(activation, samples);
      activation.dispose();
      return spikes;
    },
    dispose: () => native.activation.dispose(),
  };
}

/** A neuron with one number for each parameter whose registers cannot overflow; its biases may be part of the sums. */
interface SharedNeuron {
  currentDecay: number;
  voltageDecay: number;
  threshold: number;
  bias: number;
}

/** The synapse as a native operation, if its sums are exact in float32; null otherwise. */
function nativeSums(
  block: Block,
  run: BlockRun,
): { activation: Activation; boundedNeuron: SharedNeuron | null } | null {
  const neuron = block.neuron as CubaParameters;
  const weights = nativeWeights(block);
  if (!weights) return null;
  const { drive } = weights;
  const largest = Math.max(drive.positive, drive.negative) * run.largestInput;
  if (largest >= (block.synapse.kind === "conv" ? REGISTER : EXACT)) return null;
  const folded = foldedBias(block, neuron, largest);
  const shared = sharedNeuron(neuron, folded !== null);
  const scaled = { positive: drive.positive * run.largestInput, negative: drive.negative * run.largestInput };
  const bounded = shared && withinRegisters(scaled, shared, folded, run) ? shared : null;
  return { activation: activationOperation(block, weights, bounded ? folded : null), boundedNeuron: bounded };
}

interface NativeWeights {
  data: Int32Array | null;
  shape: number[];
  drive: Drive;
}

/** They depend on nothing but the synapse, and a plan is run many times. */
const knownWeights = new WeakMap<Block["synapse"], NativeWeights | null>();

function nativeWeights(block: Block): NativeWeights | null {
  const known = knownWeights.get(block.synapse);
  if (known !== undefined) return known;
  const weights = summedWeights(block);
  const drive = weights?.data ? driveOf(weights.data, block.outputShape[0]!) : { positive: 1, negative: 1 };
  const native = weights && { ...weights, drive };
  knownWeights.set(block.synapse, native);
  return native;
}

/** Effective weights; null where the activation is no plain sum of them. An input neuron has none and passes the input on. */
function summedWeights({
  synapse,
  outputShape,
  inputShape,
}: Block): { data: Int32Array | null; shape: number[] } | null {
  if (synapse.kind === "none") return { data: null, shape: [] };
  if (synapse.kind === "conv") {
    const { weights, groups, kernel } = synapse.conv;
    return { data: weights, shape: [outputShape[0]!, inputShape[0]! / groups, ...kernel] };
  }
  if (synapse.recurrent || synapse.delays || !isLinear(synapse.forward)) return null;
  return { data: effectiveWeights(synapse.forward), shape: [synapse.forward.outputs, synapse.forward.inputs] };
}

/** Where the current has no memory, current plus bias is one sum: the biases per channel, if there are any and they fit. */
function foldedBias(
  { synapse, outputShape }: Block,
  { bias, currentDecay }: CubaParameters,
  largest: number,
): Int32Array | null {
  if (synapse.kind === "none" || bias.length === 1 || currentDecay.some((decay) => decay !== DECAY_ONE)) return null;
  const [channels = 1] = outputShape;
  const pixels = bias.length / channels;
  const perChannel = Int32Array.from({ length: channels }, (_, c) => bias[c * pixels]!);
  const uniform = bias.every((value, i) => value === perChannel[Math.floor(i / pixels)]);
  const size = perChannel.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return uniform && largest + size < EXACT ? perChannel : null;
}

function sharedNeuron(
  { currentDecay, voltageDecay, bias, threshold }: CubaParameters,
  biasFolded: boolean,
): SharedNeuron | null {
  const one = (values: Int32Array) => values.every((value) => value === values[0]);
  if (!one(currentDecay) || !one(voltageDecay) || !(biasFolded || one(bias)) || threshold < 0) return null;
  return { currentDecay: currentDecay[0]!, voltageDecay: voltageDecay[0]!, threshold, bias: biasFolded ? 0 : bias[0]! };
}

function withinRegisters(
  drive: { positive: number; negative: number },
  neuron: SharedNeuron,
  folded: Int32Array | null,
  run: BlockRun,
): boolean {
  const extra = folded?.reduce((most, value) => Math.max(most, Math.abs(value)), 0) ?? 0;
  const total = { positive: drive.positive + extra, negative: drive.negative + extra };
  const steps = Math.min(run.steps, run.resetInterval ?? run.steps);
  const { current, voltage } = registerBounds(total, neuron, { min: neuron.bias, max: neuron.bias }, steps);
  return current < REGISTER && voltage < REGISTER;
}

function activationOperation(
  block: Block,
  weights: { data: Int32Array | null; shape: number[] },
  bias: Int32Array | null,
): Activation {
  const { synapse } = block;
  if (!weights.data || synapse.kind === "none") return { run: (x) => x.share(), dispose: () => undefined };
  const weightTensor = Tensor.from(Float32Array.from(weights.data), weights.shape);
  const biasTensor = bias && Tensor.from(Float32Array.from(bias), [bias.length]);
  return {
    run(x) {
      if (synapse.kind === "conv") return convolution(x, weightTensor, biasTensor, synapse.conv);
      const features = flatten(x, 1);
      const sums = linear(features, weightTensor, biasTensor);
      features.dispose();
      return sums;
    },
    dispose() {
      weightTensor.dispose();
      biasTensor?.dispose();
    },
  };
}

/** Share of the input up to which sums over spikes alone are faster (`benchmarks/events.ts`); both give the same whole numbers. */
const mostEvents = (channels: number) => (channels >= 64 ? 0.1 : channels >= 32 ? 0.05 : 0);

function convolution(x: Tensor, weight: Tensor, bias: Tensor | null, conv: ConvSynapse): Tensor {
  const most = conv.groups === 1 ? mostEvents(weight.shape[0]!) : 0;
  return (most > 0 ? conv2dEvents(x, weight, bias, conv, most) : null) ?? conv2d(x, weight, bias, conv);
}

/** First steps of the stretches between two resets. */
function stretches({ steps, resetInterval }: BlockRun): { from: number; to: number }[] {
  const length = Math.min(resetInterval ?? steps, steps);
  return Array.from({ length: Math.ceil(steps / length) }, (_, i) => ({
    from: i * length,
    to: Math.min((i + 1) * length, steps),
  }));
}

/** All neurons share their parameters: the kernel of the neuron's chip reading, with a weight step as its unit. */
function scanned(
  { currentDecay, voltageDecay, threshold, bias }: SharedNeuron,
  block: Block,
  run: BlockRun,
  activation: Tensor,
  samples: number,
): Tensor {
  const options = parseNeuronOptions("CubaLIFNode", {
    scale: 1,
    currentDecay: currentDecay / DECAY_ONE,
    voltageDecay: voltageDecay / DECAY_ONE,
    vThreshold: threshold,
    bias,
  });
  const variant = variantOf("CubaLIFNode", options, "chip");
  const sequence = reshape(activation, [run.steps, samples, ...block.outputShape]);
  const pieces = stretches(run).map(({ from, to }) => {
    const piece = to - from === run.steps ? sequence.share() : slice(sequence, 0, from, to);
    const { spike, finalStates } = neuronScan({
      x: piece,
      initialStates: [0, 0],
      variant,
      surrogate: { name: "", params: new Float64Array() },
    });
    for (const tensor of [piece, ...finalStates]) tensor.dispose();
    return spike;
  });
  const spikes = pieces.length === 1 ? pieces[0]!.share() : concat(pieces, 0);
  const rows = reshape(spikes, [run.steps * samples, ...block.outputShape]);
  for (const tensor of [sequence, spikes, ...pieces]) tensor.dispose();
  return rows;
}

/** Neurons with their own parameters, or whose registers may overflow. */
function stepped(block: Block, run: BlockRun, activation: Tensor, samples: number): Tensor {
  const features = sizeOf(block.outputShape);
  const neurons = makeNeurons(block.neuron, features, samples, run.events);
  const x = activation.toArray();
  const spikes = new Float32Array(x.length);
  const row = (step: number) => [step * samples * features, (step + 1) * samples * features] as const;
  for (let step = 0; step < run.steps; step++) {
    if (run.resetInterval !== null && step % run.resetInterval === 0) neurons.reset();
    neurons.counting = step < run.countedSteps;
    neurons.step(x.subarray(...row(step)), spikes.subarray(...row(step)));
  }
  return Tensor.from(spikes, [run.steps * samples, ...block.outputShape]);
}

/** Recurrence, delays, sums that are rounded or too large: sample by sample in whole numbers. */
function plainBlock(block: Block, run: BlockRun, x: Tensor, samples: number): Tensor {
  const features = sizeOf(block.outputShape);
  const width = sizeOf(block.inputShape);
  const messages = x.toArray();
  const spikes = new Float32Array(run.steps * samples * features);
  for (let sample = 0; sample < samples; sample++) {
    const inputs = new Int32Array(run.steps * width);
    for (let step = 0; step < run.steps; step++) {
      const from = (step * samples + sample) * width;
      inputs.set(messages.subarray(from, from + width), step * width);
    }
    const neurons = makeNeurons(block.neuron, features, 1, run.events);
    const own = new Int32Array(run.steps * features);
    for (let step = 0; step < run.steps; step++) {
      if (run.resetInterval !== null && step % run.resetInterval === 0) neurons.reset();
      neurons.counting = step < run.countedSteps;
      const now = own.subarray(step * features, (step + 1) * features);
      neurons.step(
        activationOf(block, {
          inputs,
          inputStep: step,
          own,
          ownStep: step - 1,
          events: neurons.counting ? run.events : null,
        }),
        now,
      );
      spikes.set(now, (step * samples + sample) * features);
    }
  }
  return Tensor.from(spikes, [run.steps * samples, ...block.outputShape]);
}
