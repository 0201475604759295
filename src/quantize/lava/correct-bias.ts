/** Bias correction: what quantization shifts on average in each channel of a synapse's output, its bias takes back. */
import type { Layer } from "../../model/index.ts";
import { mean, noGrad, scope, Tensor } from "../../tensor/index.ts";

/** Means of `[T, N, C, ...]` over all but the channels. */
export function channelMeans(sequence: Tensor): Float64Array {
  return noGrad(() =>
    scope(() => {
      const axes = [...sequence.shape.keys()].filter((axis) => axis !== 2);
      return Float64Array.from(mean(sequence, axes).toArray());
    }),
  );
}

/** Adds the difference of two lists of channel means to a synapse's bias. Returns the largest correction. */
export function correctBias(synapse: Layer, wanted: Float64Array, found: Float64Array): number {
  const bias = synapse.tensor("bias");
  const corrected = (bias.toArray() as Float32Array).map((value, c) => value + wanted[c]! - found[c]!);
  synapse.setTensor("bias", Tensor.from(corrected, bias.shape));
  return wanted.reduce((largest, value, c) => Math.max(largest, Math.abs(value - found[c]!)), 0);
}
