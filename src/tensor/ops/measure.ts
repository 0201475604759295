/** Questions about tensors that are answered with plain numbers. No gradients. */
import { expectShape } from "../../core/index.ts";
import { core } from "../../kernels/index.ts";
import { copyInLayout } from "../relayout.ts";
import type { Tensor } from "../tensor.ts";
import { toFloat } from "./arguments.ts";

/** Sum of squares in double precision, in a fixed order. */
export function sumSquares(x: Tensor): number {
  x = toFloat("sumSquares", x);
  return core().sumSquares(x.buffer, x.size);
}

/** How many elements of two float32 tensors of one shape differ, and the row-major index of the first (-1: none). */
export function countDifferent(a: Tensor, b: Tensor): { different: number; first: number } {
  [a, b] = [toFloat("countDifferent", a), toFloat("countDifferent", b)];
  expectShape("countDifferent", b.shape, a.shape);
  const [left, right] = [copyInLayout(a, 0), copyInLayout(b, 0)];
  const result = core().countDifferent(left.buffer, right.buffer, left.size);
  left.dispose();
  right.dispose();
  return result;
}

/** Number of NaN or infinite values. */
export function countNonFinite(x: Tensor): number {
  x = toFloat("countNonFinite", x);
  return core().countNonFinite(x.buffer, x.size);
}
