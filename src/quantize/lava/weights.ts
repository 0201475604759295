/** Lava's 8-bit synaptic weights as a trainable operation. */
import { clamp, div, roundEven, scale as scaleBy, type Tensor } from "../../tensor/index.ts";

/** Largest and smallest weight in units of 1/scale: a signed byte in steps of two. */
export const WEIGHT_MAX = 254;
export const WEIGHT_MIN = -256;

/** Largest threshold in units of 1/scale: a mantissa of 17 bits. Source: lava `proc/lif/process.py`. */
export const THRESHOLD_MAX = 2 ** 17 - 1;

/** Range of the chip's biases in units of 1/scale: 13 bits with sign. Source: lava `proc/lif/process.py`. */
export const BIAS_MAX = 4095;
export const BIAS_MIN = -4096;

/**
 * Nearest even multiple of 1/scale, ties to even, clamped to [-256, 254]/scale. The gradient passes straight through the rounding
 * and is zero outside the clamp (1 on its boundary). `largest`: 255 where SpikingJelly's training is wanted as it is.
 * Source: lava-dl `slayer/synapse` with `pre_hook_fx` = quantize_8bit; the clamp at 254 is the chip's, SpikingJelly's 255 is not on its grid.
 */
export function quantizeWeights(weight: Tensor, scale: number, largest = WEIGHT_MAX): Tensor {
  // in this order: where 2/scale is no float32, a product and a quotient differ in the last bit
  const step = 2 / scale;
  const grid = scaleBy(roundEven(div(weight, step)), step);
  return clamp(grid, WEIGHT_MIN / scale, largest / scale);
}

/** Nearest multiple of 1/scale, ties to even, clamped to [-4096, 4095]/scale; gradient as that of weights. */
export function quantizeBias(bias: Tensor, scale: number): Tensor {
  const grid = scaleBy(roundEven(scaleBy(bias, scale)), 1 / scale);
  return clamp(grid, BIAS_MIN / scale, BIAS_MAX / scale);
}
