/** The power of two that WgtScaleBatchNorm divides by, from the variance as a tensor and by the formula. */
import { describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import { WgtScaleBatchNorm } from "../../src/quantize/index.ts";
import { scope, Tensor } from "../../src/tensor/index.ts";

/** The norm's definition, in double precision. */
function expectedFactor(variance: number, eps: number): number {
  return 2 ** -Math.min(3, Math.max(-3, Math.ceil(Math.log2(Math.sqrt(variance + eps)))));
}

/** The float32 numbers on both sides of every place where the exponent changes. */
function borders(eps: number): number[] {
  const at = [-3, -2, -1, 0, 1, 2, 3].map((exponent) => Math.max(0, Math.fround(4 ** exponent - eps)));
  return at.flatMap((value) => [-2, -1, 0, 1, 2].map((ulps) => nextFloat(value, ulps)));
}

function nextFloat(value: number, ulps: number): number {
  const bits = new Uint32Array(new Float32Array([value]).buffer);
  bits[0] = Math.max(0, bits[0]! + ulps);
  return new Float32Array(bits.buffer)[0]!;
}

describe("WgtScaleBatchNorm", () => {
  it.each([1e-5, 1e-3, 0.5])("divides by the power of two of its definition for every variance, with eps %d", (eps) => {
    const random = new RandomStream(3);
    const spread = Array.from({ length: 200 }, () => Math.fround(2 ** (16 * random.uniform() - 9)));
    const layer = WgtScaleBatchNorm({ numFeatures: 1, eps });
    layer.initialize(random);
    for (const variance of [0, 1e30, ...borders(eps), ...spread]) {
      layer.setTensor("running_var", Tensor.from([variance], [1]));
      const factor = scope(() => layer.forward(Tensor.from([1], [1, 1]), { training: false, random }).toArray())[0];
      expect([variance, factor]).toEqual([variance, expectedFactor(variance, eps)]);
    }
    layer.dispose();
  });
});
