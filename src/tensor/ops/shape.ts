/**
 * Other shapes and layouts of the same numbers. Where the bytes stay in order, the result shares the memory of x and costs nothing.
 * Joining and cutting tensors is in `slice.ts`.
 */
import { DTYPES, fail, formatShape, type Shape, sameShape, sizeOf } from "../../core/index.ts";
import { core } from "../../kernels/index.ts";
import { effectiveSpatial, memoryAxes } from "../layout.ts";
import { copyInLayout } from "../relayout.ts";
import { gradEnabled, record } from "../tape.ts";
import { Tensor } from "../tensor.ts";
import { activationType, axisOf } from "./arguments.ts";

/** The same tensor in another layout; its variable stays the same when no byte moves. */
function inLayout(name: string, x: Tensor, spatial: number): Tensor {
  const out = copyInLayout(x, spatial);
  if (out.storage === x.storage) {
    if (gradEnabled()) out.variable = x.variable;
    return out;
  }
  // the tape brings the gradient into the layout of x
  return record(name, [x], out, [], (grad) => [grad]);
}

/** x in row-major memory order. Always a new tensor, over the same memory when x is in that order already. */
export function toPlain(x: Tensor): Tensor {
  return inLayout("toPlain", x, 0);
}

/** x `[..., C, spatial...]` with the channel axis innermost in memory; `spatial` is the number of axes behind it. Always a new tensor. */
export function toChannelsLast(x: Tensor, spatial: number): Tensor {
  if (spatial > 0 && x.shape.length <= spatial) {
    fail("SHAPE", {
      where: "toChannelsLast",
      expected: `a channel axis before ${spatial} spatial axes`,
      got: formatShape(x.shape),
    });
  }
  return inLayout("toChannelsLast", x, spatial);
}

/** Fills in one size given as -1, and checks the number of elements. */
function resolveShape(x: Tensor, shape: Shape): number[] {
  const known = shape.reduce((product, size) => (size === -1 ? product : product * size), 1);
  const resolved = shape.map((size) => (size === -1 ? x.size / known : size));
  const unknown = shape.filter((size) => size === -1).length;
  if (unknown > 1 || !resolved.every((size) => Number.isInteger(size) && size >= 0) || sizeOf(resolved) !== x.size) {
    fail("SHAPE", {
      where: "reshape",
      expected: `a shape for the ${x.size} elements of ${formatShape(x.shape)}`,
      got: formatShape(shape),
      hint: "One size may be -1, which is then computed.",
    });
  }
  return resolved;
}

/**
 * x with another shape, in row-major order of both; one size may be -1. Free in plain layout, and in channels-last layout when the channel and
 * spatial axes stay as they are (`[T,N,C,H,W]` <-> `[T*N,C,H,W]`); else the numbers are brought into plain order first.
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const target = resolveShape(x, shape);
  const tail = x.spatial + 1;
  const keepsImage = target.length >= tail && sameShape(target.slice(-tail), x.shape.slice(-tail));
  if (x.spatial > 0 && keepsImage) return viewAs(x, target, x.spatial);
  if (effectiveSpatial(x.shape, x.spatial) === 0) return viewAs(x, target, 0);
  const plain = toPlain(x);
  const out = viewAs(plain, target, 0);
  plain.dispose();
  return out;
}

/** Recorded view whose bytes are known to be in order. */
function viewAs(x: Tensor, shape: Shape, spatial: number): Tensor {
  const { shape: before, spatial: spatialBefore } = x;
  return record("reshape", [x], x.view(shape, spatial), [], (grad) => [grad.view(before, spatialBefore)]);
}

/** Joins the axes `startAxis` to `endAxis` into one, in C,H,W order: `[N,C,H,W]` with startAxis 1 gives `[N, C*H*W]`. */
export function flatten(x: Tensor, startAxis = 1, endAxis = -1): Tensor {
  const start = axisOf("flatten", startAxis, x.shape);
  const end = axisOf("flatten", endAxis, x.shape) + 1;
  return reshape(x, [...x.shape.slice(0, start), sizeOf(x.shape.slice(start, end)), ...x.shape.slice(end)]);
}

/** Axis i of the result is axis `axes[i]` of x (NumPy's transpose). The result is in plain layout. */
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  const list = axes.map((axis) => axisOf("permute", axis, x.shape));
  if (list.length !== x.shape.length || new Set(list).size !== list.length) {
    fail("SHAPE", {
      where: "permute",
      expected: `each axis of ${formatShape(x.shape)} once`,
      got: `[${axes.join(", ")}]`,
    });
  }
  const from = memoryAxes(x.shape.length, x.spatial);
  const out = Tensor.empty(
    list.map((axis) => x.shape[axis]!),
    x.dtype,
  );
  core().permute(
    DTYPES[x.dtype].bytes,
    x.buffer,
    from.map((axis) => x.shape[axis]!),
    list.map((axis) => from.indexOf(axis)),
    out.buffer,
  );
  const inverse = list.map((_, axis) => list.indexOf(axis));
  return record("permute", [x], out, [], (grad) => [permute(grad, inverse)]);
}

/**
 * T copies of x behind each other: `[N, ...]` becomes `[T, N, ...]`. The gradient is summed over T. The copies take no memory until an
 * operation reads them that cannot work on one of them.
 */
export function repeatLeading(x: Tensor, times: number): Tensor {
  if (!Number.isInteger(times) || times < 1) {
    fail("OPTION", { where: "repeatLeading", expected: "a whole number of at least 1", got: `${times}` });
  }
  const { shape, size, spatial } = x;
  return record("repeatLeading", [x], Tensor.repeat(x, times), [], (grad) => {
    const total = Tensor.empty(shape, "float32", spatial);
    core().reduce("sum", grad.buffer, 1, times, size, total.buffer, activationType("repeatLeading", grad));
    return [total];
  });
}
