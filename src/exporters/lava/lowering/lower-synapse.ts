/** The synapse of a block as weights of a `.net` layer: convolutions and matrices as they are, pools as convolutions that Lava can load. */
import { sameShape, sizeOf } from "../../../core/index.ts";
import type { PoolNode } from "../../../model/index.ts";
import { WEIGHT_MAX } from "../chip/dense-weights.ts";
import { type Drive, driveOf, registerBounds } from "../chip/overflow.ts";
import { windowOutput } from "../chip/window.ts";
import type { NetArray } from "../net/net-file.ts";
import { type ChipNeuron, type CubaChip, inSteps, isUnrounded } from "./chip-neuron.ts";
import type { BlockPart } from "./parts.ts";

/** A pool as a convolution with one group per channel: one weight for all, and the factor by which the threshold grows with it. */
export interface LoweredPool {
  weight: number;
  thresholdFactor: number;
}
export interface PoolRefusal {
  refusal: string;
  rewrite: string;
}

/** The lowering of a block's pool, or why there is no exact one; null for other synapses and for max pools. */
export function lowerPool(block: BlockPart, neuron: ChipNeuron): LoweredPool | PoolRefusal | null {
  const { synapse, inputShape } = block;
  if (synapse.kind !== "pool" || synapse.operation === "max") return null;
  if (!sameShape(windowOutput(inputShape.slice(1), synapse), synapse.shape.slice(1))) {
    return { refusal: "Its output size is rounded up, which no convolution does.", rewrite: "Use ceilMode: false." };
  }
  if (synapse.operation === "avg") return lowerAverage(synapse, neuron, biasSteps(block, neuron) !== null);
  if (neuron.scale % 2 === 0 && neuron.scale <= WEIGHT_MAX) return { weight: neuron.scale, thresholdFactor: 1 };
  return {
    refusal: `The weight 1 of a sum pool is ${neuron.scale} steps, no even number up to ${WEIGHT_MAX}.`,
    rewrite: "Use a scale from 2 to 128 for this block.",
  };
}

/**
 * An average is exact as the weight scale / window where that is even, or as a sum with a threshold that many times higher where the neuron
 * has no rounding memory. A window that is no power of two is rounded in training already, differently from any chip.
 */
function lowerAverage(pool: PoolNode, neuron: ChipNeuron, biased: boolean): LoweredPool | PoolRefusal {
  const { scale } = neuron;
  const window = sizeOf(pool.kernelSize);
  const rewrite = `Use SumPool2d and multiply the threshold by ${window}.`;
  if (!pool.countIncludePad && pool.padding.some((size) => size > 0)) {
    return {
      refusal: "Its windows at the border have other sizes.",
      rewrite: "Use countIncludePad: true, or SumPool2d.",
    };
  }
  if (!Number.isInteger(Math.log2(window)))
    return { refusal: `A mean over ${window} pixels is rounded in training.`, rewrite };
  const weight = scale / window;
  if (weight % 2 === 0 && weight <= WEIGHT_MAX) return { weight, thresholdFactor: 1 };
  const exact = isUnrounded(neuron) && !biased;
  if (exact && scale % 2 === 0 && scale <= WEIGHT_MAX && (scale * 64) % window === 0)
    return { weight: scale, thresholdFactor: window };
  return { refusal: `The weight 1/${window} is ${weight} steps, no even number up to ${WEIGHT_MAX}.`, rewrite };
}

/** Weights of the layer in steps: [O,I], [O, I/groups, kH, kW], or [C,1,kH,kW] of a pool. */
export function weightSteps(block: BlockPart, neuron: ChipNeuron): { shape: number[]; data: Float64Array } {
  const { synapse } = block;
  if (synapse.kind !== "pool")
    return { shape: [...synapse.weight.shape], data: inSteps(synapse.weight.data, neuron.scale) };
  const pool = lowerPool(block, neuron);
  const shape = [synapse.shape[0]!, 1, ...synapse.kernelSize];
  return { shape, data: new Float64Array(sizeOf(shape)).fill(pool && "weight" in pool ? pool.weight : 0) };
}

/** The matrices of a dense layer in steps, which share one exponent: [O,I], and [O,O] of a recurrent one. Null for other layers. */
export function matricesOf(block: BlockPart, neuron: ChipNeuron): NetArray[] | null {
  const { synapse, recurrent } = block;
  if (synapse.kind !== "linear") return null;
  return [synapse, ...(recurrent ? [recurrent] : [])].map(({ weight }) => ({
    shape: [...weight.shape],
    data: inSteps(weight.data, neuron.scale),
  }));
}

/** Biases of the layer in steps, those of the neuron included; null when all are 0. */
export function biasSteps({ synapse, neuron }: BlockPart, { scale, bias }: ChipNeuron): Float64Array | null {
  const channels = new Float64Array(synapse.shape[0]!);
  const own = synapse.kind !== "pool" && synapse.bias ? inSteps(synapse.bias.data, scale) : channels;
  const behind = neuron.channelBias ? inSteps(neuron.channelBias.data, scale) : channels;
  const total = own.map((steps, c) => steps + behind[c]! + bias);
  return total.some((steps) => steps !== 0) ? total : null;
}

/** True when no neuron of the block can ever fire: nothing drives it above 0. A sigma-delta neuron also sends how far it falls. */
export function isSilent(block: BlockPart, neuron: ChipNeuron): boolean {
  if (neuron.model !== "cuba") return false;
  const bias = biasSteps(block, neuron);
  return driveOfBlock(block, neuron).positive === 0 && neuron.threshold >= 0 && !bias?.some((steps) => steps > 0);
}

/** Largest sums of weights into one neuron in one step, weight steps. */
export function driveOfBlock(block: BlockPart, neuron: ChipNeuron): Drive {
  const arrays = matricesOf(block, neuron) ?? [weightSteps(block, neuron)];
  const drives = arrays.map(({ shape, data }) => driveOf(data, shape[0]!));
  return drives.reduce((a, b) => ({ positive: a.positive + b.positive, negative: a.negative + b.negative }));
}

/** Smallest and largest bias of a block, weight steps. */
export function biasRangeOf(block: BlockPart, neuron: ChipNeuron): { min: number; max: number } {
  const bias = biasSteps(block, neuron) ?? Float64Array.of(0);
  return { min: bias.reduce((a, b) => Math.min(a, b)), max: bias.reduce((a, b) => Math.max(a, b)) };
}

/** Largest |current| and |voltage| of a block over `steps` steps, in state units. The slowest decays of its channels count. */
export function overflowBounds(
  block: BlockPart,
  neuron: CubaChip,
  steps: number,
): { current: number; voltage: number } {
  const slowest = {
    currentDecay: Math.min(...neuron.currentDecays),
    voltageDecay: Math.min(...neuron.voltageDecays),
    threshold: neuron.threshold,
  };
  return registerBounds(driveOfBlock(block, neuron), slowest, biasRangeOf(block, neuron), steps);
}
