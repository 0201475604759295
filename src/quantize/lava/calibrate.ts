/**
 * Choosing the numbers of one block from what arrives at it: the power of two that scales its weights, and a threshold that uses the 8 bits
 * of the weights better. It looks; it changes nothing.
 */
import type { Conv2dOptions, Layer } from "../../model/index.ts";
import {
  abs,
  conv2d,
  linear,
  max,
  mean,
  noGrad,
  reshape,
  scale as scaleBy,
  scope,
  square,
  sub,
  sum,
  type Tensor,
} from "../../tensor/index.ts";
import { thresholdOf } from "./fold/fold-neuron.ts";
import type { FoldedPair } from "./fold/parts.ts";
import { hasBias, POOL_SCALE_MAX } from "./synapse.ts";
import { BIAS_MAX, quantizeWeights, THRESHOLD_MAX, WEIGHT_MAX } from "./weights.ts";

/** mse: least squared change of what the synapse gives. max: no weight is cut. percentile: so many percent of the weights are not cut. */
export const METHODS = ["mse", "max", "percentile"] as const;

export interface CalibrationRule {
  method: (typeof METHODS)[number];
  /** Of |weight|, in percent. */
  percentile: number;
}

/** Powers of two that a block may have as its scale. */
export const SCALES: readonly number[] = [16, 32, 64, 128, 256, 512, 1024, 2048, 4096];
/** Lava DL's default scale, used where there is nothing to choose from. */
export const DEFAULT_SCALE = 64;
/** Half of the chip's 24-bit voltage, in weight steps of 64: room for inputs that drive harder than the calibration samples. */
const VOLTAGE_MAX = 2 ** 22 / 64;
/** Thresholds tried between one and two times the given one. */
const THRESHOLDS = 16;

/** The scale where there is no data: the default one for the weights as they were trained, before folding divided them. */
export function defaultScale({ divisor }: FoldedPair): number {
  return Math.min(SCALES.at(-1)!, DEFAULT_SCALE * 2 ** Math.round(Math.log2(divisor)));
}

/** A sum pool's weight of 1 must be a number of the chip. */
export function legalScale({ kind }: Layer, scale: number): number {
  return kind === "SumPool2d" ? Math.min(scale, POOL_SCALE_MAX) : scale;
}

/** What a synapse with weights gives for a sequence `[T, N, ...]`, as `[T*N, ...]`; without its bias unless that is given. */
function driveOf(synapse: Layer, sequence: Tensor): (weight: Tensor, bias?: Tensor | null) => Tensor {
  const [steps = 0, batch = 0, ...rest] = sequence.shape;
  const input = reshape(sequence, [steps * batch, ...rest]);
  return (weight, bias = null) =>
    synapse.kind === "Linear"
      ? linear(input, weight, bias)
      : conv2d(input, weight, bias, synapse.options as Conv2dOptions);
}

/** The scale for a synapse with weights, from its input `[T, N, ...]`, among those whose threshold, biases and voltages the chip holds. */
export function chooseScale(pair: FoldedPair, sequence: Tensor, rule: CalibrationRule): number {
  const { synapse, neuron } = pair;
  return noGrad(() =>
    scope(() => {
      const weight = synapse.tensor("weight");
      const drive = driveOf(synapse, sequence);
      const exact = drive(weight);
      const { bias, merged } = largestOf(pair);
      const biased = hasBias(synapse) ? drive(weight, synapse.tensor("bias")) : exact;
      const highest = max(sum(abs(reshape(biased, [sequence.shape[0]!, -1])), [0])).item();
      const fits = (scale: number) =>
        scale * thresholdOf(neuron) <= THRESHOLD_MAX &&
        scale * bias <= BIAS_MAX &&
        scale * merged <= WEIGHT_MAX &&
        scale * highest <= VOLTAGE_MAX;
      const [smallest = DEFAULT_SCALE, ...larger] = SCALES;
      const legal = [smallest, ...larger.filter(fits)];
      if (rule.method === "mse")
        return smallestBy(legal, (scale) => errorOf(drive, exact, weight, { scale, factor: 1 }));
      const kept = magnitude(weight, rule.method === "max" ? 100 : rule.percentile);
      return legal.filter((scale) => kept * scale <= WEIGHT_MAX).at(-1) ?? smallest;
    }),
  );
}

/**
 * A factor from 1 to 2 for weights, bias and threshold of an IF or LIF neuron, whose spikes depend on their ratio only: the one whose
 * quantized weights change the synapse's output least. The threshold times it is a whole number of weight steps.
 */
export function fitThreshold(pair: FoldedPair, sequence: Tensor, scale: number): number {
  const { synapse, neuron } = pair;
  const threshold = thresholdOf(neuron) * scale;
  if (threshold < 1) return 1;
  const step = Math.max(1, Math.ceil(threshold / THRESHOLDS));
  const whole: number[] = [];
  for (let steps = Math.ceil(threshold); steps < Math.min(2 * threshold, THRESHOLD_MAX); steps += step)
    whole.push(steps);
  return noGrad(() =>
    scope(() => {
      const weight = synapse.tensor("weight");
      const drive = driveOf(synapse, sequence);
      const exact = drive(weight);
      const { bias, merged } = largestOf(pair);
      const held = (factor: number) => factor * scale * bias <= BIAS_MAX && factor * scale * merged <= WEIGHT_MAX;
      const factors = whole.map((steps) => steps / threshold).filter(held);
      return smallestBy(factors, (factor) => errorOf(drive, exact, weight, { scale, factor }));
    }),
  );
}

/** What must not be cut: the largest bias; and, where a pool merges into the synapse, the largest sum of weights that the file may hold. */
function largestOf({ synapse, overlap }: FoldedPair): { bias: number; merged: number } {
  return {
    bias: hasBias(synapse) ? magnitude(synapse.tensor("bias")) : 0,
    merged: overlap > 1 ? overlap * magnitude(synapse.tensor("weight")) : 0,
  };
}

/** Mean squared change of a synapse's output by the quantization of its weights, in units before the factor. */
function errorOf(
  drive: (weight: Tensor) => Tensor,
  exact: Tensor,
  weight: Tensor,
  { scale, factor }: { scale: number; factor: number },
): number {
  return scope(() => {
    const quantized = scaleBy(quantizeWeights(scaleBy(weight, factor), scale), 1 / factor);
    return mean(square(sub(drive(quantized), exact))).item();
  });
}

/** The first candidate with the smallest value. */
function smallestBy(candidates: readonly number[], errorAt: (candidate: number) => number): number {
  let best = { candidate: candidates[0] ?? 1, value: Number.POSITIVE_INFINITY };
  for (const candidate of candidates) {
    const value = errorAt(candidate);
    if (value < best.value) best = { candidate, value };
  }
  return best.candidate;
}

/** The size that so many percent of some numbers do not exceed: by default the largest. */
function magnitude(numbers: Tensor, percentile = 100): number {
  const sizes = (numbers.toArray() as Float32Array).map(Math.abs).sort();
  return sizes[Math.min(sizes.length - 1, Math.max(0, Math.ceil((percentile / 100) * sizes.length) - 1))] ?? 0;
}
