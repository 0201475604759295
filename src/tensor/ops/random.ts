/**
 * Random tensors from a counter-based stream (`core/random.ts`). Word i belongs to element i in row-major order of the shape, whatever the
 * layout, so that results depend on seed and position only. No gradients.
 */
import { fail, type RandomStream, type Shape } from "../../core/index.ts";
import { core } from "../../kernels/index.ts";
import { copyInLayout } from "../relayout.ts";
import { Tensor } from "../tensor.ts";
import { toFloat } from "./arguments.ts";

export interface UniformRange {
  low?: number;
  high?: number;
}

/** Numbers in [low, high), by default [0, 1), with 24 random bits. */
export function uniform(shape: Shape, random: RandomStream, { low = 0, high = 1 }: UniformRange = {}): Tensor {
  const out = Tensor.empty(shape);
  const { seed, stream } = random;
  core().randomUniform(seed, stream, random.take(out.size), out.buffer, out.size);
  stretch(out, high - low, low);
  return out;
}

export interface NormalMoments {
  mean?: number;
  deviation?: number;
}

/** Normal numbers, by default with mean 0 and standard deviation 1. */
export function normal(shape: Shape, random: RandomStream, { mean = 0, deviation = 1 }: NormalMoments = {}): Tensor {
  const out = Tensor.empty(shape);
  const { seed, stream } = random;
  core().randomNormal(seed, stream, random.take(2 * out.size), out.buffer, out.size);
  stretch(out, deviation, mean);
  return out;
}

/** x * factor + shift, in place on a tensor nobody has seen yet. */
function stretch(x: Tensor, factor: number, shift: number): void {
  if (factor !== 1) core().binaryScalar("mul", x.buffer, factor, false, x.buffer, x.size);
  if (shift !== 0) core().binaryScalar("add", x.buffer, shift, false, x.buffer, x.size);
}

/** 1 with the probability that the element gives, else 0: float32, shape and layout of `probability`. */
export function bernoulli(probability: Tensor, random: RandomStream): Tensor {
  probability = toFloat("bernoulli", probability);
  const plain = copyInLayout(probability, 0);
  const drawn = Tensor.empty(plain.shape);
  const { seed, stream } = random;
  core().randomBernoulli(seed, stream, random.take(drawn.size), plain.buffer, drawn.buffer, drawn.size);
  plain.dispose();
  return inLayoutOf(probability.spatial, drawn);
}

/** Consumes a plain tensor. */
function inLayoutOf(spatial: number, plain: Tensor): Tensor {
  const out = copyInLayout(plain, spatial);
  plain.dispose();
  return out;
}

/** 0 with probability `p`, else 1 / (1 - p): multiplied with it, a tensor keeps its mean. `spatial`: layout of the result. */
export function dropoutMask(shape: Shape, p: number, random: RandomStream, spatial = 0): Tensor {
  if (!(p >= 0 && p < 1))
    fail("OPTION", { where: "dropoutMask", expected: "a probability from 0 to below 1", got: `${p}` });
  const probability = Tensor.full(shape, 1 - p);
  const mask = bernoulli(probability, random);
  probability.dispose();
  stretch(mask, 1 / (1 - p), 0);
  return inLayoutOf(spatial, mask);
}
