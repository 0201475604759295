/**
 * Roundings with a straight-through gradient: backward passes as if nothing had been rounded (Bengio et al., "Estimating or Propagating
 * Gradients Through Stochastic Neurons", 2013). They are what quantizers are built of.
 */
import { core } from "../../kernels/index.ts";
import { record } from "../tape.ts";
import { Tensor } from "../tensor.ts";
import { toFloat } from "./arguments.ts";

function straightThrough(op: "roundEven" | "trunc" | "floor" | "roundFloat16", x: Tensor): Tensor {
  x = toFloat(op, x);
  const out = Tensor.empty(x.shape, "float32", x.spatial);
  core().unary(op, x.buffer, out.buffer, out.size);
  return record(op, [x], out, [], (grad) => [grad]);
}

/** The nearest whole number, halves to the even one. Straight-through gradient. */
export function roundEven(x: Tensor): Tensor {
  return straightThrough("roundEven", x);
}

/** The whole part: rounds toward zero. Straight-through gradient. */
export function trunc(x: Tensor): Tensor {
  return straightThrough("trunc", x);
}

/** The largest whole number not above x. Straight-through gradient. */
export function floor(x: Tensor): Tensor {
  return straightThrough("floor", x);
}

/** The nearest float16, as float32; infinite beyond 65504 (and its rounding half). Straight-through gradient. */
export function roundFloat16(x: Tensor): Tensor {
  return straightThrough("roundFloat16", x);
}
