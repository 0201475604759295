/** Folding a batch norm into the layer with weights before it: one layer instead of two, the same function in evaluation mode. */
import { fail } from "../../core/index.ts";
import { Layer } from "../../model/index.ts";
import { Tensor } from "../../tensor/index.ts";

/** Layers with weights, and the batch norm that fits behind each. */
const NORM_BEHIND: Readonly<Record<string, string>> = {
  Linear: "BatchNorm1d",
  Conv1d: "BatchNorm1d",
  Conv2d: "BatchNorm2d",
  ConvTranspose1d: "BatchNorm1d",
  ConvTranspose2d: "BatchNorm2d",
};

/** True where a norm can be folded into the layer right before it. */
export const foldsInto = (weighted: Layer, norm: Layer): boolean =>
  NORM_BEHIND[weighted.kind] === norm.kind && "running_mean" in norm.specs;

/**
 * weight' = weight * gamma / sigma, bias' = (bias - mean) * gamma / sigma + beta with sigma = sqrt(running_var + eps), in float64.
 * Returns a layer of the same kind with bias that owns its tensors.
 */
export function foldBatchNorm(weighted: Layer, norm: Layer): Layer {
  if (!foldsInto(weighted, norm)) {
    fail("OPTION", {
      where: norm.label,
      expected: "a layer with weights before the batch norm of its shape, with running statistics",
      got: `${weighted.kind} and ${norm.kind}`,
    });
  }
  const weight = numbersOf(weighted, "weight")!;
  const bias = numbersOf(weighted, "bias");
  const mean = numbersOf(norm, "running_mean")!;
  const variance = numbersOf(norm, "running_var")!;
  const gamma = numbersOf(norm, "weight");
  const beta = numbersOf(norm, "bias");
  const { eps } = norm.options as { eps: number };
  const channels = mean.length;
  const channelOf = outputChannels(weighted, weight.length / channels);
  const factor = Float64Array.from(variance, (v, c) => (gamma?.[c] ?? 1) / Math.sqrt(v + eps));
  const folded = new Layer(weighted.definition, { ...weighted.options, bias: true });
  folded.setTensor(
    "weight",
    Tensor.from(
      weight.map((w, i) => w * factor[channelOf(i)]!),
      weighted.tensor("weight").shape,
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

const numbersOf = (layer: Layer, name: string): Float32Array | null =>
  layer.specs[name] ? (layer.tensor(name).toArray() as Float32Array) : null;

/** The output channel that the i-th weight belongs to: the first axis, of a transposed convolution the second one in each group. */
function outputChannels(layer: Layer, perChannel: number): (i: number) => number {
  if (!layer.kind.startsWith("ConvTranspose")) return (i) => Math.floor(i / perChannel);
  const { groups } = layer.options as { groups: number };
  const [inputs = 1, perGroup = 1, ...kernel] = layer.tensor("weight").shape;
  const window = kernel.reduce((product, size) => product * size, 1);
  return (i) => {
    const group = Math.floor(i / (perGroup * window) / (inputs / groups));
    return group * perGroup + (Math.floor(i / window) % perGroup);
  };
}
