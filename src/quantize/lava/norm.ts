/**
 * Lava DL's norms, which stand between the current and the voltage of a block and become biases of the chip (slayer/neuron/norm.py).
 * Statistics run over time, batch and space together. Inside a block the mean is quantized as the weights are.
 */
import { z } from "zod";
import { fail, formatShape, positiveInteger, type Shape } from "../../core/index.ts";
import { type ForwardContext, type Layer, type LayerDefinition, layerFactory } from "../../model/index.ts";
import { add, assign, mean, noGrad, reshape, scale, square, sub, type Tensor } from "../../tensor/index.ts";
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
  const quantized = quantize?.(used) ?? used;
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
    const { training } = context;
    const exponent = training ? divisorExponent(updateVariance(x, layer), layer.options.eps) : weightExponent(layer);
    return scale(centred(x, layer, context), 2 ** -exponent);
  },
  lower: standsInBlock,
};

/** Variance of all of x about its mean, which the running variance takes up times n / (n + 1), n values in each channel. */
function updateVariance(x: Tensor, layer: Layer<WeightScaleOptions>): number {
  return noGrad(() => {
    const variance = mean(square(sub(x, mean(x))));
    const perChannel = x.size / layer.options.numFeatures;
    const share = scale(reshape(variance, [1]), perChannel / (perChannel + 1));
    blend(layer.tensor("running_var"), share, layer.options.momentum);
    return variance.item();
  });
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
