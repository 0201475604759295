/** Folding a batch norm into the convolution before it: one layer instead of two, the same function in evaluation mode. */
import { fail } from "../../core/index.ts";
import { Conv2d, type Conv2dOptions, type Layer } from "../../model/index.ts";
import { Tensor } from "../../tensor/index.ts";

/**
 * weight' = weight * gamma / sigma, bias' = (bias - mean) * gamma / sigma + beta with sigma = sqrt(running_var + eps), in float64.
 * Returns a Conv2d with bias that owns its tensors.
 */
export function foldBatchNorm(conv: Layer, norm: Layer): Layer {
  if (conv.kind !== "Conv2d" || norm.kind !== "BatchNorm2d") {
    fail("OPTION", {
      where: norm.label,
      expected: "a Conv2d before a BatchNorm2d",
      got: `${conv.kind} and ${norm.kind}`,
    });
  }
  const numbers = (layer: Layer, name: string): Float32Array | null =>
    layer.specs[name] ? (layer.tensor(name).toArray() as Float32Array) : null;
  const weight = numbers(conv, "weight")!;
  const bias = numbers(conv, "bias");
  const mean = numbers(norm, "running_mean")!;
  const variance = numbers(norm, "running_var")!;
  const gamma = numbers(norm, "weight");
  const beta = numbers(norm, "bias");
  const { eps } = norm.options as { eps: number };
  const channels = mean.length;
  const perChannel = weight.length / channels;
  const factor = Float64Array.from(variance, (v, c) => (gamma?.[c] ?? 1) / Math.sqrt(v + eps));
  const folded = Conv2d({ ...(conv.options as Conv2dOptions), bias: true });
  folded.setTensor(
    "weight",
    Tensor.from(
      weight.map((w, i) => w * factor[Math.floor(i / perChannel)]!),
      conv.tensor("weight").shape,
    ),
  );
  folded.setTensor(
    "bias",
    Tensor.from(
      Float32Array.from(factor, (f, c) => ((bias?.[c] ?? 0) - mean[c]!) * f + (beta?.[c] ?? 0)),
      [channels],
    ),
  );
  return folded;
}
