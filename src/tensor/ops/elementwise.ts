/**
 * Arithmetic of two tensors, or a tensor and a number, element by element with NumPy broadcasting. The result has the layout of the larger
 * operand; gradients are summed over the axes along which an operand was repeated. Functions of one tensor are in `activation.ts`.
 */
import { type Shape, sameShape } from "../../core/index.ts";
import { type BinaryOp, core } from "../../kernels/index.ts";
import { record } from "../tape.ts";
import { Tensor } from "../tensor.ts";
import { activationType, toFloat } from "./arguments.ts";
import { binary, sumTo } from "./broadcast.ts";

export type Operand = Tensor | number;

/** x op value, or value op x. Not recorded. */
function withNumber(op: BinaryOp, x: Tensor, value: number, reversed = false): Tensor {
  const out = Tensor.empty(x.shape, "float32", x.spatial);
  core().binaryScalar(op, x.buffer, value, reversed, out.buffer, out.size);
  return out;
}

/** The result without its gradient, for any pair of float32 operands (or what `halves` lets pass); two numbers make a scalar tensor. */
function compute(name: string, op: BinaryOp, a: Operand, b: Operand): Tensor {
  if (typeof a !== "number" && typeof b !== "number") return binary(name, op, a, b);
  if (typeof a !== "number") return withNumber(op, a, b as number);
  if (typeof b !== "number") return withNumber(op, b, a, true);
  const scalar = Tensor.full([], a);
  const out = withNumber(op, scalar, b);
  scalar.dispose();
  return out;
}

const floatOperand = (name: string, operand: Operand): Operand =>
  typeof operand === "number" ? operand : toFloat(name, operand);

function floatOperands(name: string, a: Operand, b: Operand): [Operand, Operand] {
  return [floatOperand(name, a), floatOperand(name, b)];
}

/** Two tensors of one shape and one type of 16 bits stay as they are, for operations that have a form for them; all else becomes float32. */
function halves(name: string, a: Operand, b: Operand): [Operand, Operand] {
  const alike = typeof a !== "number" && typeof b !== "number" && a.dtype === b.dtype && sameShape(a.shape, b.shape);
  if (alike && activationType(name, a) !== "float32") return [a, b];
  return floatOperands(name, a, b);
}

const tensorOf = (operand: Operand): Tensor | null => (typeof operand === "number" ? null : operand);
const shapeOf = (operand: Operand): Shape => (typeof operand === "number" ? [] : operand.shape);

/** a + b. Two tensors of one shape in 16 bits give one in 16 bits, as of `sub` and `mul`. */
export function add(a: Operand, b: Operand): Tensor {
  [a, b] = halves("add", a, b);
  const [shapeA, shapeB] = [shapeOf(a), shapeOf(b)];
  return record("add", [tensorOf(a), tensorOf(b)], compute("add", "add", a, b), [], (grad, _, [needsA, needsB]) => [
    needsA ? sumTo(grad, shapeA) : null,
    needsB ? sumTo(grad, shapeB) : null,
  ]);
}

/** a - b. */
export function sub(a: Operand, b: Operand): Tensor {
  [a, b] = halves("sub", a, b);
  const [shapeA, shapeB] = [shapeOf(a), shapeOf(b)];
  return record("sub", [tensorOf(a), tensorOf(b)], compute("sub", "sub", a, b), [], (grad, _, [needsA, needsB]) => [
    needsA ? sumTo(grad, shapeA) : null,
    needsB ? scale(sumTo(grad, shapeB), -1) : null,
  ]);
}

/** a * b. */
export function mul(a: Operand, b: Operand): Tensor {
  [a, b] = halves("mul", a, b);
  const out = compute("mul", "mul", a, b);
  if (typeof a === "number" || typeof b === "number") {
    const [x, factor] = typeof a === "number" ? [tensorOf(b), a] : [a, b as number];
    return record("mul", [x], out, [], (grad) => [scale(grad, factor)]);
  }
  return record("mul", [a, b], out, [a, b], (grad, saved, [needsA, needsB]) => {
    const [heldA, heldB] = saved as [Tensor, Tensor];
    return [needsA ? sumTo(mul(grad, heldB), heldA.shape) : null, needsB ? sumTo(mul(grad, heldA), heldB.shape) : null];
  });
}

/** a / b. */
export function div(a: Operand, b: Operand): Tensor {
  [a, b] = floatOperands("div", a, b);
  const out = compute("div", "div", a, b);
  if (typeof b === "number") return record("div", [tensorOf(a)], out, [], (grad) => [div(grad, b)]);
  const shapeA = shapeOf(a);
  // the quotient's derivative by b is -a / b^2 = -out / b
  return record("div", [tensorOf(a), b], out, [b, out], (grad, saved, [needsA, needsB]) => {
    const [heldB, heldOut] = saved as [Tensor, Tensor];
    const quotient = div(grad, heldB);
    return [
      needsA ? sumTo(quotient, shapeA) : null,
      needsB ? scale(sumTo(mul(quotient, heldOut), heldB.shape), -1) : null,
    ];
  });
}

/** x times a constant. */
export function scale(x: Tensor, factor: number): Tensor {
  x = toFloat("scale", x);
  return record("scale", [x], withNumber("mul", x, factor), [], (grad) => [scale(grad, factor)]);
}

/** The larger of both, element by element. At a tie each operand receives half the gradient, as in PyTorch. */
export function maximum(a: Operand, b: Operand): Tensor {
  return extremum("maximum", "max", a, b);
}

/** The smaller of both, element by element. At a tie each operand receives half the gradient, as in PyTorch. */
export function minimum(a: Operand, b: Operand): Tensor {
  return extremum("minimum", "min", a, b);
}

function extremum(name: string, op: "max" | "min", a: Operand, b: Operand): Tensor {
  [a, b] = floatOperands(name, a, b);
  const out = compute(name, op, a, b);
  const { device } = out;
  const operands = [a, b].map((operand) =>
    typeof operand === "number" ? Tensor.full([], operand, { device }) : operand,
  );
  const [left, right] = operands as [Tensor, Tensor];
  record(name, [tensorOf(a), tensorOf(b)], out, [left, right], (grad, saved, [needsA, needsB]) => {
    const [heldA, heldB] = saved as [Tensor, Tensor];
    const [above, below] = op === "max" ? [heldA, heldB] : [heldB, heldA];
    // 1 where a was taken, 1/2 at a tie
    const gradA = mul(grad, scale(add(greaterEqual(above, below), greater(above, below)), 0.5));
    const gradB = sub(grad, gradA);
    return [needsA ? sumTo(gradA, heldA.shape) : null, needsB ? sumTo(gradB, heldB.shape) : null];
  });
  if (left !== a) left.dispose();
  if (right !== b) right.dispose();
  return out;
}

function compare(op: "greaterEqual" | "greater" | "equal", a: Operand, b: Operand): Tensor {
  return compute(op, op, ...floatOperands(op, a, b));
}

/** 1 where a >= b, else 0. No gradient. */
export function greaterEqual(a: Operand, b: Operand): Tensor {
  return compare("greaterEqual", a, b);
}

/** 1 where a > b, else 0. No gradient. */
export function greater(a: Operand, b: Operand): Tensor {
  return compare("greater", a, b);
}

/** 1 where a equals b, else 0. No gradient. */
export function equal(a: Operand, b: Operand): Tensor {
  return compare("equal", a, b);
}
