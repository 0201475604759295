/**
 * What reaches the neurons of one layer in one step, summed in whole numbers as Lava's synapse processes do: matrices in 32 bits, each sum
 * of a convolution wrapped to 24. Slow, and plain enough to be read as the definition. With PyTorch at hand, as netx has it, Lava sums
 * convolutions in float32: what leaves its 24 bits hangs on the order of addition there, and is counted here.
 * Sources: lava `proc/dense/models.py`, `proc/conv/models.py` (fixed_pt), `proc/conv/utils.py` (conv).
 */
import { sizeOf } from "../../../core/index.ts";
import type { Block, ConvSynapse } from "./blocks.ts";
import { type DenseSynapse, shiftDown } from "./dense-weights.ts";
import type { RegisterEvents } from "./neurons/index.ts";

/** Sequences of one sample `[steps, features]`, and the steps that arrive now. Before step 0 nothing arrives. */
export interface Arriving {
  inputs: Int32Array;
  /** Step of the input that arrives now; an input neuron takes it at once. */
  inputStep: number;
  /** The layer's own spikes. */
  own: Int32Array;
  ownStep: number;
  /** Where sums that float32 may not hold are counted; null: nowhere. */
  events: RegisterEvents | null;
}

/** Activation of every neuron of a block; for resonators those of the real parts, then those of the imaginary ones. */
export function activationOf(block: Block, { inputs, inputStep, own, ownStep, events }: Arriving): ArrayLike<number> {
  const { synapse } = block;
  const features = sizeOf(block.outputShape);
  const row = (sequence: Int32Array, size: number, step: number) =>
    step < 0 ? null : sequence.subarray(step * size, (step + 1) * size);
  const inputAt = (delay: number) => row(inputs, sizeOf(block.inputShape), inputStep - delay);
  const message = block.gradedInput ? (value: number) => value : (value: number) => (value === 0 ? 0 : 1);
  if (synapse.kind === "none") return inputAt(0) ?? new Int32Array(features);
  if (synapse.kind === "conv") return convolve(synapse.conv, block, inputAt(0), message, events);
  const sums = synapse.delays
    ? delayedSums(synapse.forward, synapse.delays, inputAt, message)
    : denseSums(synapse.forward, inputAt(0), message);
  if (synapse.imaginary) return Float64Array.of(...sums, ...denseSums(synapse.imaginary, inputAt(0), message));
  if (!synapse.recurrent) return sums;
  const fromOwn = denseSums(synapse.recurrent, row(own, features, ownStep), message);
  return sums.map((sum, i) => (sum + fromOwn[i]!) | 0);
}

type Message = (value: number) => number;

function denseSums(
  { weights, shift, outputs, inputs }: DenseSynapse,
  x: Int32Array | null,
  message: Message,
): Float64Array {
  const sums = new Float64Array(outputs);
  if (!x) return sums;
  return sums.map((_, output) => {
    let sum = 0;
    for (let i = 0; i < inputs; i++) sum += weights[output * inputs + i]! * message(x[i]!);
    return shiftDown(sum | 0, shift) | 0;
  });
}

/** Each delay has a buffer of its own, so each delay's sum is shifted by itself. `inputAt(d)`: the input d steps ago. */
function delayedSums(
  { weights, shift, outputs, inputs }: DenseSynapse,
  delays: Int32Array,
  inputAt: (delay: number) => Int32Array | null,
  message: Message,
): Float64Array {
  const total = new Float64Array(outputs);
  for (const delay of new Set(delays)) {
    const x = inputAt(delay);
    if (!x) continue;
    for (let output = 0; output < outputs; output++) {
      let sum = 0;
      for (let i = 0; i < inputs; i++) {
        const at = output * inputs + i;
        if (delays[at] === delay) sum += weights[at]! * message(x[i]!);
      }
      total[output] = (total[output]! + shiftDown(sum | 0, shift)) | 0;
    }
  }
  return total;
}

/** float32 holds every whole number up to here. */
const FLOAT32_WHOLE = 2 ** 24;

/** Cross-correlation of an image [C,H,W], as PyTorch's conv2d, each sum wrapped to 24 bits. */
function convolve(
  conv: ConvSynapse,
  block: Block,
  x: Int32Array | null,
  message: Message,
  events: RegisterEvents | null,
): Float64Array {
  const [channels, height, width] = block.inputShape as [number, number, number];
  const [outChannels, outHeight, outWidth] = block.outputShape as [number, number, number];
  const [kernelHeight, kernelWidth] = conv.kernel;
  const perGroup = channels / conv.groups;
  const result = new Float64Array(outChannels * outHeight * outWidth);
  if (!x) return result;
  for (let i = 0; i < result.length; i++) {
    const outX = i % outWidth;
    const outY = Math.floor(i / outWidth) % outHeight;
    const out = Math.floor(i / (outWidth * outHeight));
    const firstChannel = Math.floor(out / (outChannels / conv.groups)) * perGroup;
    let sum = 0;
    let size = 0;
    for (let c = 0; c < perGroup; c++) {
      for (let ky = 0; ky < kernelHeight; ky++) {
        const y = outY * conv.stride[0] - conv.padding[0] + ky * conv.dilation[0];
        if (y < 0 || y >= height) continue;
        for (let kx = 0; kx < kernelWidth; kx++) {
          const column = outX * conv.stride[1] - conv.padding[1] + kx * conv.dilation[1];
          if (column < 0 || column >= width) continue;
          const weight = conv.weights[((out * perGroup + c) * kernelHeight + ky) * kernelWidth + kx]!;
          const product = weight * message(x[((firstChannel + c) * height + y) * width + column]!);
          sum += product;
          size += Math.abs(product);
        }
      }
    }
    if (events && size > FLOAT32_WHOLE) events.inexact++;
    result[i] = wrapSum(sum);
  }
  return result;
}

/** 24 bits with sign, any number of times around. */
function wrapSum(sum: number): number {
  const range = 2 ** 24;
  return ((((sum + range / 2) % range) + range) % range) - range / 2;
}
