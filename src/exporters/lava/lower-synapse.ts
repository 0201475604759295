/** The synapse of a block as weights of a `.net` layer: convolutions and matrices as they are, pools as convolutions that Lava can load. */
import { sameShape, sizeOf } from "../../core/index.ts";
import type { PoolNode } from "../../model/index.ts";
import { type ChipNeuron, FULL_DECAY, inSteps } from "./block-integers.ts";
import type { BlockPart } from "./chain.ts";
import { WEIGHT_MAX } from "./dense-weights.ts";
import { type Drive, driveOf, registerBounds } from "./overflow.ts";
import { windowOutput } from "./window.ts";

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
export function lowerPool({ synapse, inputShape }: BlockPart, neuron: ChipNeuron): LoweredPool | PoolRefusal | null {
  if (synapse.kind !== "pool" || synapse.operation === "max") return null;
  if (!sameShape(windowOutput(inputShape.slice(1), synapse), synapse.shape.slice(1))) {
    return { refusal: "Its output size is rounded up, which no convolution does.", rewrite: "Use ceilMode: false." };
  }
  if (synapse.operation === "avg") return lowerAverage(synapse, neuron);
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
function lowerAverage(
  pool: PoolNode,
  { scale, currentDecay, voltageDecay, bias }: ChipNeuron,
): LoweredPool | PoolRefusal {
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
  const exact = currentDecay === FULL_DECAY && (voltageDecay === 0 || voltageDecay === FULL_DECAY) && bias === 0;
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

/** Biases of the layer in steps, the neuron's own included; null when all are 0. */
export function biasSteps({ synapse }: BlockPart, { scale, bias }: ChipNeuron): Float64Array | null {
  const own =
    synapse.kind !== "pool" && synapse.bias ? inSteps(synapse.bias.data, scale) : new Float64Array(synapse.shape[0]!);
  const total = own.map((steps) => steps + bias);
  return total.some((steps) => steps !== 0) ? total : null;
}

/** True when no neuron of the block can ever fire: nothing drives it above 0. */
export function isSilent(block: BlockPart, neuron: ChipNeuron): boolean {
  const bias = biasSteps(block, neuron);
  return driveOfBlock(block, neuron).positive === 0 && neuron.threshold >= 0 && !bias?.some((steps) => steps > 0);
}

function driveOfBlock(block: BlockPart, neuron: ChipNeuron): Drive {
  const { shape, data } = weightSteps(block, neuron);
  return driveOf(data, shape[0]!);
}

/** Largest |current| and |voltage| of a block over `steps` steps, in state units. */
export function overflowBounds(
  block: BlockPart,
  neuron: ChipNeuron,
  steps: number,
): { current: number; voltage: number } {
  const bias = biasSteps(block, neuron) ?? Float64Array.of(0);
  const range = { min: bias.reduce((a, b) => Math.min(a, b)), max: bias.reduce((a, b) => Math.max(a, b)) };
  return registerBounds(driveOfBlock(block, neuron), neuron, range, steps);
}
