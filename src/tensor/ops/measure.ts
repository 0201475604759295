/** Questions about tensors that are answered with plain numbers, and conversion between element types. No gradients. */
import { DTYPES, type DType, expectShape } from "../../core/index.ts";
import { core } from "../../kernels/index.ts";
import { copyInLayout } from "../relayout.ts";
import { Tensor } from "../tensor.ts";
import { expectFloat } from "./arguments.ts";

/** Sum of squares in double precision, in a fixed order. */
export function sumSquares(x: Tensor): number {
  expectFloat("sumSquares", x);
  return core().sumSquares(x.buffer, x.size);
}

/** How many elements of two float32 tensors of one shape differ, and the row-major index of the first (-1: none). */
export function countDifferent(a: Tensor, b: Tensor): { different: number; first: number } {
  expectFloat("countDifferent", a, b);
  expectShape("countDifferent", b.shape, a.shape);
  const [left, right] = [copyInLayout(a, 0), copyInLayout(b, 0)];
  const result = core().countDifferent(left.buffer, right.buffer, left.size);
  left.dispose();
  right.dispose();
  return result;
}

/** Number of NaN or infinite values. */
export function countNonFinite(x: Tensor): number {
  expectFloat("countNonFinite", x);
  return core().countNonFinite(x.buffer, x.size);
}

/** The same numbers as another element type, in the same layout. No gradient. */
export function cast(x: Tensor, dtype: DType): Tensor {
  const out = Tensor.empty(x.shape, dtype, x.spatial);
  core().convert(DTYPES[x.dtype].id, x.buffer, DTYPES[dtype].id, out.buffer, out.size);
  return out;
}
