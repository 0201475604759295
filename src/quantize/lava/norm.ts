/**
 * Lava DL's norms, which stand between the current and the voltage of a block and become biases of the chip (slayer/neuron/norm.py).
 * Statistics run over time, batch and space together. Inside a block the mean is quantized as the weights are.
 */
import { z } from "zod";
import { fail, formatShape, positiveInteger, type Shape } from "../../core/index.ts";
import { type ForwardContext, type Layer, type LayerDefinition, layerFactory } from "../../model/index.ts";
import {
  add,
  assign,
  greaterEqual,
  mean,
  mul,
  noGrad,
  reshape,
  scale,
  square,
  sub,
  Tensor,
} from "../../tensor/index.ts";
import { refuse } from "./refusal.ts";

/** The divisor's exponent has three bits and a sign. */
const EXPONENT_MAX = 3;

const shared = {
  numFeatures: positiveInteger.describe("channels"),
  momentum: z.number().min(0).max(1).default(0.1).describe("share of the batch in the running statistics"),
};

interface NormOptions {
  numFeatures: number;
  momentum: number;
}

function shape(input: Shape, { numFeatures }: NormOptions, where: string): Shape {
  if (input[0] !== numFeatures) {
    const hint = "Check numFeatures.";
    fail("SHAPE", {
      where,
      expected: `input with ${numFeatures} channels`,
      got: `${input[0]} (input ${formatShape(input)})`,
      hint,
    });
  }
  return input;
}

/** running = (1 - momentum) running + momentum batch. */
function blend(running: Tensor, batch: Tensor, momentum: number): void {
  assign(
    running,
    noGrad(() => add(scale(running, 1 - momentum), scale(batch, momentum))),
  );
}

/** x `[B, C, ...]` minus the (quantized) mean of each channel: of the batch in training, else the running one. */
function centred(x: Tensor, layer: Layer<NormOptions>, { training, quantize }: ForwardContext): Tensor {
  const running = layer.tensor("running_mean");
  const batch = training
    ? mean(
        x,
        [...x.shape.keys()].filter((axis) => axis !== 1),
      )
    : null;
  if (batch) blend(running, batch, layer.options.momentum);
  const used = batch ?? running;
  const quantized = quantize?.(used, "running_mean") ?? used;
  return sub(x, reshape(quantized, [-1, ...x.shape.slice(2).fill(1)]));
}

function standsInBlock(layer: Layer): never {
  return refuse(layer, "a norm inside a Block", "one of its own", "Give it to the Block as its norm.");
}

const meanOnlyOptions = z.strictObject(shared);

/** x - mean; buffer running_mean `[C]`. Exact on the chip. */
export const meanOnlyBatchNormDefinition: LayerDefinition<NormOptions, z.input<typeof meanOnlyOptions>> = {
  kind: "MeanOnlyBatchNorm",
  summary: "subtracts the mean of each channel; a bias on the chip",
  options: meanOnlyOptions,
  sees: "stateless",
  shape,
  parameters: (o) => ({ running_mean: { shape: [o.numFeatures], init: "zeros", buffer: true } }),
  forward: centred,
  lower: standsInBlock,
};

const weightScaleOptions = z.strictObject({
  ...shared,
  eps: z.number().positive().default(1e-5).describe("added to the variance"),
});
type WeightScaleOptions = z.infer<typeof weightScaleOptions>;

/** (x - mean) / 2^k with 2^k the power of two above the standard deviation of the whole layer; buffer running_var `[1]`. */
export const wgtScaleBatchNormDefinition: LayerDefinition<WeightScaleOptions, z.input<typeof weightScaleOptions>> = {
  kind: "WgtScaleBatchNorm",
  summary: "subtracts the mean of each channel and divides all by a power of two",
  options: weightScaleOptions,
  sees: "stateless",
  shape,
  parameters: (o) => ({
    running_mean: { shape: [o.numFeatures], init: "zeros", buffer: true },
    // Lava DL begins with 0, not 1
    running_var: { shape: [1], init: "zeros", buffer: true },
  }),
  forward(x, layer, context) {
    const variance = context.training ? updateVariance(x, layer) : layer.tensor("running_var");
    return mul(centred(x, layer, context), factorOf(variance, layer.options.eps));
  },
  lower: standsInBlock,
};

/** Variance of all of x about its mean, which the running variance takes up times n / (n + 1), n values in each channel. */
function updateVariance(x: Tensor, layer: Layer<WeightScaleOptions>): Tensor {
  return noGrad(() => {
    const variance = mean(square(sub(x, mean(x))));
    const perChannel = x.size / layer.options.numFeatures;
    const share = scale(reshape(variance, [1]), perChannel / (perChannel + 1));
    blend(layer.tensor("running_var"), share, layer.options.momentum);
    return variance;
  });
}

/** Exponents that a variance can reach from the smallest one up. */
const HIGHER_EXPONENTS = Array.from({ length: 2 * EXPONENT_MAX }, (_, i) => i + 1 - EXPONENT_MAX);

/** 2^-k of a variance (one number) as a tensor: asking a device for the number would wait for it. No gradient flows through it. */
function factorOf(variance: Tensor, eps: number): Tensor {
  const limits = exponentLimits(eps);
  const start = 2 ** EXPONENT_MAX;
  return noGrad(() =>
    // every exponent that is reached takes half of what is left: powers of two, so exact
    HIGHER_EXPONENTS.reduce(
      (factor, exponent, i) => sub(factor, scale(greaterEqual(variance, limits[i]!), 2 ** -exponent)),
      Tensor.full(variance.shape, start, { device: variance.device }),
    ),
  );
}

const knownLimits = new Map<number, number[]>();

/** For each of the higher exponents, the smallest float32 variance that reaches it. */
function exponentLimits(eps: number): number[] {
  const known = knownLimits.get(eps) ?? HIGHER_EXPONENTS.map((exponent) => smallestVariance(exponent, eps));
  knownLimits.set(eps, known);
  return known;
}

/** Bisection over the bits of float32, which rise with the number. */
function smallestVariance(exponent: number, eps: number): number {
  const bits = new Uint32Array(1);
  const number = new Float32Array(bits.buffer);
  const INFINITY_BITS = 0x7f800000;
  let [below, reaches] = [-1, INFINITY_BITS];
  while (reaches - below > 1) {
    const middle = Math.floor((below + reaches) / 2);
    bits[0] = middle;
    if (divisorExponent(number[0]!, eps) >= exponent) reaches = middle;
    else below = middle;
  }
  bits[0] = reaches;
  return number[0]!;
}

/** k = ceil(log2(sqrt(variance + eps))), within three bits. No gradient flows through it. */
function divisorExponent(variance: number, eps: number): number {
  const exponent = Math.ceil(Math.log2(Math.sqrt(variance + eps)));
  return Math.min(EXPONENT_MAX, Math.max(-EXPONENT_MAX, exponent));
}

/** The exponent that a trained WgtScaleBatchNorm divides by. */
export function weightExponent(layer: Layer<WeightScaleOptions>): number {
  return divisorExponent(layer.tensor("running_var").item(), layer.options.eps);
}

export const MeanOnlyBatchNorm = layerFactory(meanOnlyBatchNormDefinition);
export const WgtScaleBatchNorm = layerFactory(wgtScaleBatchNormDefinition);
