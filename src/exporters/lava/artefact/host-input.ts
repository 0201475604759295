/** What the host does with an input before neurons at the input receive it: training's own rounding, in whole numbers. */
import type { HostInput } from "../../../model/index.ts";
import { quantizeWeights } from "../../../quantize/index.ts";
import { noGrad, scope, Tensor } from "../../../tensor/index.ts";

/** Inputs in training units as steps of 1/scale: rounded as weights are, times weight, plus bias. */
export function toHostSteps(values: Float32Array, { scale, weight, bias }: HostInput): Float32Array {
  const rounded = noGrad(() =>
    scope(() => quantizeWeights(Tensor.from(values, [values.length]), scale).toArray() as Float32Array),
  );
  return rounded.map((x) => x * scale * weight + bias * scale);
}
