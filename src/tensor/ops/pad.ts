/** Padding of the last axes. Built of slices and joins, which carry the gradients. */
import { fail, formatShape } from "../../core/index.ts";
import type { Tensor } from "../tensor.ts";
import { toChannelsLast } from "./shape.ts";
import { concat, slice, zerosLike } from "./slice.ts";

/** What stands outside: zeros; the mirror image without the edge; the edge repeated; or the other end. PyTorch's names. */
export type PadMode = "zeros" | "reflect" | "replicate" | "circular";

/** Index of the element that stands `distance` (1, 2, ...) before the first of `size` elements. Behind the last: counted from there. */
const INDEX_OUTSIDE: Record<Exclude<PadMode, "zeros">, (distance: number, size: number) => number> = {
  reflect: (distance) => distance,
  replicate: () => 0,
  circular: (distance, size) => size - distance,
};
/** The farthest element that a mode can take from an axis of a size. */
const MOST: Record<PadMode, (size: number) => number> = {
  zeros: () => Number.POSITIVE_INFINITY,
  reflect: (size) => size - 1,
  replicate: (size) => (size > 0 ? Number.POSITIVE_INFINITY : 0),
  circular: (size) => size,
};

/**
 * Adds `[before, after]` elements to each of the last axes of x: `amounts` for `[N,C,H,W]` are those of H and W. The layout of x stays.
 */
export function pad(x: Tensor, amounts: readonly (readonly [number, number])[], mode: PadMode = "zeros"): Tensor {
  const first = x.shape.length - amounts.length;
  if (first < 0) {
    fail("SHAPE", { where: "pad", expected: `at least ${amounts.length} axes`, got: formatShape(x.shape) });
  }
  return amounts.reduce(
    (current, [before, after], i) => {
      const next = padAxis(current, first + i, before, after, mode);
      current.dispose();
      return next;
    },
    toChannelsLast(x, x.spatial),
  );
}

function padAxis(x: Tensor, axis: number, before: number, after: number, mode: PadMode): Tensor {
  const size = x.shape[axis]!;
  if (![before, after].every((amount) => Number.isInteger(amount) && amount >= 0 && amount <= MOST[mode](size))) {
    fail("OPTION", {
      where: `pad (${mode})`,
      expected: `whole numbers from 0 to ${MOST[mode](size)} for axis ${axis} of ${formatShape(x.shape)}`,
      got: `${before} and ${after}`,
    });
  }
  if (before === 0 && after === 0) return toChannelsLast(x, x.spatial);
  const ahead = Array.from({ length: before }, (_, i) => before - i);
  const behind = Array.from({ length: after }, (_, i) => i + 1);
  const pieces =
    mode === "zeros" ? [zeros(x, axis, before)] : ahead.map((d) => oneSlice(x, axis, INDEX_OUTSIDE[mode](d, size)));
  pieces.push(toChannelsLast(x, x.spatial));
  if (mode === "zeros") pieces.push(zeros(x, axis, after));
  else pieces.push(...behind.map((d) => oneSlice(x, axis, size - 1 - INDEX_OUTSIDE[mode](d, size))));
  const out = concat(pieces, axis);
  for (const piece of pieces) piece.dispose();
  return out;
}

const oneSlice = (x: Tensor, axis: number, index: number) => slice(x, axis, index, index + 1);

/** Zeros of the layout of x with another size along an axis. */
function zeros(x: Tensor, axis: number, size: number): Tensor {
  return zerosLike(
    x,
    x.shape.map((old, i) => (i === axis ? size : old)),
  );
}
