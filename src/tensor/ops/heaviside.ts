/** The step function with a surrogate derivative, for neurons that are not a scan over time. */
import { core } from "../../kernels/index.ts";
import { record } from "../tape.ts";
import { Tensor } from "../tensor.ts";
import { toFloat } from "./arguments.ts";

/** 1 where x >= 0, else 0, as the comparison of neurons. `surrogate`: name and numbers of the function whose derivative backward uses. */
export function heaviside(x: Tensor, surrogate: { name: string; params: Float64Array }): Tensor {
  x = toFloat("heaviside", x);
  const out = Tensor.empty(x.shape, "float32", x.spatial);
  core().binaryScalar("greaterEqual", x.buffer, 0, false, out.buffer, out.size);
  const { name, params } = surrogate;
  return record("heaviside", [x], out, [x], (grad, [held]) => {
    const slope = Tensor.empty(grad.shape, "float32", grad.spatial);
    core().surrogateGrad(name, params, held!.buffer, slope.buffer, slope.size);
    core().binary("mul", slope.buffer, grad.buffer, slope.buffer, slope.size);
    return [slope];
  });
}
