/**
 * Lava's fixed-point simulation of a `.net` file, sample by sample and layer by layer in whole numbers: slow, and plain enough to be read
 * as the definition. `simulate` gives the same numbers faster. In every step a neuron receives what its synapse summed in the step before.
 * Sources: lava `proc/dense/models.py`, `proc/conv/models.py` (fixed_pt); lava-dl `netx/hdf5.py` for the order of things.
 */
import { sizeOf } from "../../core/index.ts";
import type { Block, ConvSynapse, Plan } from "./blocks.ts";
import { makeNeurons, type RegisterEvents } from "./chip-neurons.ts";
import { type DenseSynapse, shiftDown } from "./dense-weights.ts";
import type { NetFile } from "./net-file.ts";
import { planNet } from "./plan.ts";
import { collectEvents, type Frames, framesOf, resetsAt, resultOf, type Run, runOf } from "./run.ts";
import type { SimulationInput, SimulationOptions, SimulationResult } from "./simulation.ts";

/** @throws TARGET when Lava's loader cannot run the file, SHAPE or VALUE for an input that does not fit, OPTION for arguments. */
export function simulateReference(net: NetFile, input: SimulationInput, options: SimulationOptions = {}): SimulationResult {
  const plan = planNet(net, options);
  const run = runOf(plan, framesOf(plan, input), options);
  const outputs = plan.blocks.map(({ outputShape }) => new Int32Array(run.steps * run.frames.samples * sizeOf(outputShape)));
  const events = collectEvents(plan);
  for (let sample = 0; sample < run.frames.samples; sample++) runSample(plan, run, sample, outputs, events.of);
  return resultOf(plan, run, outputs, events.findings());
}

function runSample(plan: Plan, run: Run, sample: number, outputs: Int32Array[], events: (block: number) => RegisterEvents): void {
  let sequence = inputSequence(run.frames, run, sample);
  plan.blocks.forEach((block, index) => {
    const features = sizeOf(block.outputShape);
    const neurons = makeNeurons(block.neuron, features, 1, events(index));
    const own = new Int32Array(run.steps * features);
    for (let step = 0; step < run.steps; step++) {
      if (resetsAt(run, index, step)) neurons.reset();
      const spikes = own.subarray(step * features, (step + 1) * features);
      neurons.step(activationAt(block, sequence, own, step), spikes);
      outputs[index]!.set(spikes, (step * run.frames.samples + sample) * features);
    }
    sequence = own;
  });
}

/** Frames of one sample for every step of the run: after the last one zeros, or the last one again. */
function inputSequence({ data, steps, samples, features }: Frames, run: Run, sample: number): Int32Array {
  const sequence = new Int32Array(run.steps * features);
  for (let step = 0; step < run.steps; step++) {
    if (step >= steps && !run.holdInput) break;
    const start = (Math.min(step, steps - 1) * samples + sample) * features;
    sequence.set(data.subarray(start, start + features), step * features);
  }
  return sequence;
}

/** What the neurons of a block receive in a step: `inputs` and `own` are whole sequences [steps, features]. */
function activationAt(block: Block, inputs: Int32Array, own: Int32Array, step: number): ArrayLike<number> {
  const { synapse } = block;
  const width = sizeOf(block.inputShape);
  const row = (sequence: Int32Array, size: number, at: number) => sequence.subarray(at * size, (at + 1) * size);
  if (synapse.kind === "none") return row(inputs, width, step);
  const features = sizeOf(block.outputShape);
  if (step === 0) return new Float64Array(features);
  const message = block.gradedInput ? (value: number) => value : (value: number) => (value === 0 ? 0 : 1);
  if (synapse.kind === "conv") return convolve(synapse.conv, block, row(inputs, width, step - 1), message);
  const sums = synapse.delays
    ? delayedSums(synapse.forward, synapse.delays, (delay) => (step - 1 < delay ? null : row(inputs, width, step - 1 - delay)), message)
    : denseSums(synapse.forward, row(inputs, width, step - 1), message);
  if (!synapse.recurrent) return sums;
  const fromOwn = denseSums(synapse.recurrent, row(own, features, step - 1), message);
  return sums.map((sum, i) => sum + fromOwn[i]!);
}

type Message = (value: number) => number;

function denseSums({ weights, shift, outputs, inputs }: DenseSynapse, x: Int32Array, message: Message): Float64Array {
  return Float64Array.from({ length: outputs }, (_, output) => {
    let sum = 0;
    for (let i = 0; i < inputs; i++) sum += weights[output * inputs + i]! * message(x[i]!);
    return shiftDown(sum, shift);
  });
}

/** Each delay has a buffer of its own, so each delay's sum is shifted by itself. `before(d)`: the input d steps ago. */
function delayedSums(
  { weights, shift, outputs, inputs }: DenseSynapse,
  delays: Int32Array,
  before: (delay: number) => Int32Array | null,
  message: Message,
): Float64Array {
  const total = new Float64Array(outputs);
  for (const delay of new Set(delays)) {
    const x = before(delay);
    if (!x) continue;
    for (let output = 0; output < outputs; output++) {
      let sum = 0;
      for (let i = 0; i < inputs; i++) {
        const at = output * inputs + i;
        if (delays[at] === delay) sum += weights[at]! * message(x[i]!);
      }
      total[output] = total[output]! + shiftDown(sum, shift);
    }
  }
  return total;
}

/** Cross-correlation of an image [C,H,W], as PyTorch's conv2d, each sum wrapped to 24 bits. */
function convolve(conv: ConvSynapse, block: Block, x: Int32Array, message: Message): Float64Array {
  const [channels, height, width] = block.inputShape as [number, number, number];
  const [outChannels, outHeight, outWidth] = block.outputShape as [number, number, number];
  const [kernelHeight, kernelWidth] = conv.kernel;
  const perGroup = channels / conv.groups;
  const result = new Float64Array(outChannels * outHeight * outWidth);
  for (let i = 0; i < result.length; i++) {
    const outX = i % outWidth;
    const outY = Math.floor(i / outWidth) % outHeight;
    const out = Math.floor(i / (outWidth * outHeight));
    const firstChannel = Math.floor(out / (outChannels / conv.groups)) * perGroup;
    let sum = 0;
    for (let c = 0; c < perGroup; c++) {
      for (let ky = 0; ky < kernelHeight; ky++) {
        const y = outY * conv.stride[0] - conv.padding[0] + ky * conv.dilation[0];
        if (y < 0 || y >= height) continue;
        for (let kx = 0; kx < kernelWidth; kx++) {
          const column = outX * conv.stride[1] - conv.padding[1] + kx * conv.dilation[1];
          if (column < 0 || column >= width) continue;
          const weight = conv.weights[((out * perGroup + c) * kernelHeight + ky) * kernelWidth + kx]!;
          sum += weight * message(x[((firstChannel + c) * height + y) * width + column]!);
        }
      }
    }
    result[i] = wrapSum(sum);
  }
  return result;
}

/** 24 bits with sign, any number of times around. */
function wrapSum(sum: number): number {
  const range = 2 ** 24;
  return ((((sum + range / 2) % range) + range) % range) - range / 2;
}
