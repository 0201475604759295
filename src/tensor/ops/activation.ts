/** Functions of one tensor, element by element. The result has the layout of x. */
import { fail } from "../../core/index.ts";
import { core, type UnaryOp } from "../../kernels/index.ts";
import { record } from "../tape.ts";
import { Tensor } from "../tensor.ts";
import { toFloat } from "./arguments.ts";
import { div, mul, scale, sub } from "./elementwise.ts";

function compute(op: UnaryOp, x: Tensor): Tensor {
  const out = Tensor.empty(x.shape, "float32", x.spatial);
  core().unary(op, x.buffer, out.buffer, out.size);
  return out;
}

/** An operation whose derivative is a function of its input. */
function fromInput(op: UnaryOp, derivative: (grad: Tensor, x: Tensor) => Tensor): (x: Tensor) => Tensor {
  return (given) => {
    const x = toFloat(op, given);
    return record(op, [x], compute(op, x), [x], (grad, [held]) => [derivative(grad, held!)]);
  };
}

/** An operation whose derivative is a function of its output. */
function fromOutput(op: UnaryOp, derivative: (grad: Tensor, y: Tensor) => Tensor): (x: Tensor) => Tensor {
  return (given) => {
    const x = toFloat(op, given);
    const y = compute(op, x);
    return record(op, [x], y, [y], (grad, [held]) => [derivative(grad, held!)]);
  };
}

/** -x. */
export function neg(x: Tensor): Tensor {
  x = toFloat("neg", x);
  return record("neg", [x], compute("neg", x), [], (grad) => [neg(grad)]);
}

/** e to the power x. */
export const exp = fromOutput("exp", (grad, y) => mul(grad, y));
/** Natural logarithm. */
export const log = fromInput("log", (grad, x) => div(grad, x));
/** Square root. */
export const sqrt = fromOutput("sqrt", (grad, y) => scale(div(grad, y), 0.5));
/** Absolute value; gradient 0 at 0. */
export const abs = fromInput("abs", (grad, x) => mul(grad, sign(x)));
/** x * x. */
export const square = fromInput("square", (grad, x) => scale(mul(grad, x), 2));
/** 1 / (1 + e^-x). */
export const sigmoid = fromOutput("sigmoid", (grad, y) => mul(grad, mul(y, sub(1, y))));
/** Hyperbolic tangent. */
export const tanh = fromOutput("tanh", (grad, y) => mul(grad, sub(1, square(y))));
/** max(x, 0); gradient 0 at 0, as in PyTorch. */
export const relu = fromOutput("relu", (grad, y) => within(y, grad, SMALLEST_NORMAL, Number.POSITIVE_INFINITY));

/** The smallest normal float32: `x >= SMALLEST_NORMAL` is `x > 0` for every number that survives when denormals are flushed. */
const SMALLEST_NORMAL = 2 ** -126;

/** -1, 0 or 1. No gradient. */
export function sign(x: Tensor): Tensor {
  return compute("sign", toFloat("sign", x));
}

/** The gradient where low <= x <= high, else 0. */
function within(x: Tensor, grad: Tensor, low: number, high: number): Tensor {
  const out = Tensor.empty(x.shape, "float32", x.spatial);
  core().clampGrad(x.buffer, grad.buffer, low, high, out.buffer, out.size);
  return out;
}

/** x limited to [low, high] (infinite limits are allowed). The gradient passes inside and on the boundary, and is 0 outside. */
export function clamp(x: Tensor, low: number, high: number): Tensor {
  x = toFloat("clamp", x);
  if (!(low <= high)) fail("OPTION", { where: "clamp", expected: "low <= high", got: `${low} and ${high}` });
  const out = Tensor.empty(x.shape, "float32", x.spatial);
  core().clamp(x.buffer, low, high, out.buffer, out.size);
  return record("clamp", [x], out, [x], (grad, [held]) => [within(held!, grad, low, high)]);
}
