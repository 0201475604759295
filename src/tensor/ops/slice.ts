/** Joins tensors along an axis and cuts pieces out. Pieces are copies, in the layout of what they were cut from. */
import { DTYPES, fail, formatShape, type Shape, sameShape } from "../../core/index.ts";
import { core } from "../../kernels/index.ts";
import { effectiveSpatial, memoryAxes } from "../layout.ts";
import { copyInLayout } from "../relayout.ts";
import { record, recordMany } from "../tape.ts";
import { Tensor } from "../tensor.ts";
import { activationType, axisOf, isActivation, toFloat } from "./arguments.ts";
import { reshape } from "./shape.ts";

/** A tensor in memory as seen from one axis: `rows` blocks of `axisSize * blockBytes`. */
interface AxisView {
  rows: number;
  /** Bytes of one index along the axis. */
  blockBytes: number;
}

function alongAxis(tensor: Tensor, axis: number): AxisView {
  const order = memoryAxes(tensor.shape.length, tensor.spatial);
  const at = order.indexOf(axis);
  const product = (axes: number[]) => axes.reduce((total, i) => total * tensor.shape[i]!, 1);
  return { rows: product(order.slice(0, at)), blockBytes: product(order.slice(at + 1)) * DTYPES[tensor.dtype].bytes };
}

/** Copies `count` indices of `axis` between two tensors that agree in all other axes, layout and type. */
function copyRange(source: Tensor, from: number, target: Tensor, to: number, count: number, axis: number): void {
  const { rows, blockBytes } = alongAxis(source, axis);
  core().copyStrided(
    rows,
    count * blockBytes,
    source.buffer,
    from * blockBytes,
    source.shape[axis]! * blockBytes,
    target.buffer,
    to * blockBytes,
    target.shape[axis]! * blockBytes,
  );
}

const withSize = (shape: Shape, axis: number, size: number): number[] =>
  shape.map((old, i) => (i === axis ? size : old));

/** Indices `start` to `end` - 1 of an axis, a contiguous range (negative ones count from the end). The gradient elsewhere is 0. */
export function slice(x: Tensor, axis: number, start: number, end?: number): Tensor {
  const at = axisOf("slice", axis, x.shape);
  const size = x.shape[at]!;
  const from = start < 0 ? start + size : start;
  const to = end === undefined ? size : end < 0 ? end + size : end;
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to > size || from > to) {
    fail("SHAPE", {
      where: "slice",
      expected: `a range inside 0 to ${size} of axis ${at} of ${formatShape(x.shape)}`,
      got: `${start} to ${end ?? size}`,
    });
  }
  const out = Tensor.empty(withSize(x.shape, at, to - from), x.dtype, x.spatial);
  copyRange(x, from, out, 0, to - from, at);
  const { shape, spatial } = x;
  return record("slice", [x], out, [], (grad) => {
    const whole = zerosLike(grad, shape, spatial);
    copyRange(grad, 0, whole, from, to - from, at);
    return [whole];
  });
}

/** Zeros of the type and layout that `like` has. */
export function zerosLike(like: Tensor, shape: Shape, spatial = like.spatial): Tensor {
  const out = Tensor.empty(shape, like.dtype, spatial);
  core().fill(out.buffer, out.size, 0, activationType("zeros", like));
  return out;
}

/** One index of an axis, which disappears: `select(x, 0, t)` of `[T, N, ...]` is `[N, ...]`. */
export function select(x: Tensor, axis: number, index: number): Tensor {
  const at = axisOf("select", axis, x.shape);
  const size = x.shape[at]!;
  const place = index < 0 ? index + size : index;
  if (!Number.isInteger(place) || place < 0 || place >= size) {
    fail("SHAPE", {
      where: "select",
      expected: `an index from ${-size} to ${size - 1} along axis ${at} of ${formatShape(x.shape)}`,
      got: `${index}`,
    });
  }
  const piece = slice(x, at, place, place + 1);
  const out = reshapeWithout(piece, at);
  piece.dispose();
  return out;
}

/** Takes an axis of size 1 out of the shape, keeping the layout where the channel axis stays. */
function reshapeWithout(x: Tensor, axis: number): Tensor {
  const channel = x.shape.length - 1 - x.spatial;
  const shape = x.shape.filter((_, i) => i !== axis);
  if (axis < channel || x.spatial === 0) return reshape(x, shape);
  // A spatial axis of size 1, or the only channel, leaves the other bytes in order.
  const { shape: before, spatial } = x;
  const out = x.view(shape, axis === channel ? 0 : spatial - 1);
  return record("select", [x], out, [], (grad) => [grad.view(before, spatial)]);
}

/**
 * Joins tensors of one type along an existing axis; all other axes agree. Float tensors of several types become float32. The result is
 * channels-last when any of them is.
 */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  const mixed = tensors.some((tensor) => tensor.dtype !== tensors[0]?.dtype);
  if (mixed && tensors.every((tensor) => isActivation(tensor.dtype))) {
    tensors = tensors.map((tensor) => toFloat("concat", tensor));
  }
  const first = tensors[0];
  if (!first) fail("SHAPE", { where: "concat", expected: "at least one tensor", got: "none" });
  const at = axisOf("concat", axis, first.shape);
  for (const tensor of tensors) {
    if (tensor.dtype !== first.dtype || !sameShape(withSize(tensor.shape, at, 0), withSize(first.shape, at, 0))) {
      fail("SHAPE", {
        where: "concat",
        expected: `${first.dtype} ${formatShape(first.shape)} up to axis ${at}`,
        got: `${tensor.dtype} ${formatShape(tensor.shape)}`,
      });
    }
  }
  const { spatial } = tensors.find((tensor) => effectiveSpatial(tensor.shape, tensor.spatial) > 0) ?? first;
  const sizes = tensors.map((tensor) => tensor.shape[at]!);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const out = Tensor.empty(withSize(first.shape, at, total), first.dtype, spatial);
  forEachRange(sizes, (i, start, size) => {
    const piece = copyInLayout(tensors[i]!, spatial);
    copyRange(piece, 0, out, start, size, at);
    piece.dispose();
  });
  return record("concat", tensors, out, [], (grad, _, needs) => {
    const grads: (Tensor | null)[] = [];
    forEachRange(sizes, (i, start, size) => grads.push(needs[i] ? slice(grad, at, start, start + size) : null));
    return grads;
  });
}

function forEachRange(sizes: number[], visit: (index: number, start: number, size: number) => void): void {
  let start = 0;
  sizes.forEach((size, index) => {
    visit(index, start, size);
    start += size;
  });
}

/** Joins tensors of one shape along a new axis: T tensors `[N, ...]` give `[T, N, ...]` with axis 0. */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  const rank = (tensors[0]?.shape.length ?? 0) + 1;
  const at = axisOf("stack", axis, new Array<number>(rank).fill(1));
  const withAxis = tensors.map((tensor) =>
    reshape(tensor, [...tensor.shape.slice(0, at), 1, ...tensor.shape.slice(at)]),
  );
  const out = concat(withAxis, at);
  for (const tensor of withAxis) tensor.dispose();
  return out;
}

/** The members of the leading axis: `[T, N, ...]` gives T tensors `[N, ...]`. One backward step for all of them, unlike T times `select`. */
export function unstack(x: Tensor): Tensor[] {
  axisOf("unstack", 0, x.shape);
  const [steps = 0, ...shape] = x.shape;
  const input = shape.length <= x.spatial ? copyInLayout(x, 0) : x.detach();
  const bytes = alongAxis(input, 0).blockBytes;
  const outputs = Array.from({ length: steps }, (_, t) => {
    const out = Tensor.empty(shape, x.dtype, input.spatial);
    core().copy(input.buffer, t * bytes, out.buffer, 0, bytes);
    return out;
  });
  const { spatial } = input;
  input.dispose();
  const whole = x.shape;
  recordMany("unstack", [x], outputs, [], ({ grads }) => {
    const total = zerosLike(grads.find((grad) => grad !== null)!, whole, spatial);
    grads.forEach((grad, t) => {
      if (grad) core().copy(grad.buffer, 0, total.buffer, t * bytes, bytes);
    });
    return [total];
  });
  return outputs;
}
