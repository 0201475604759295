/** Sums, means and largest values over axes. */
import { DTYPES, fail, formatShape } from "../../core/index.ts";
import { core } from "../../kernels/index.ts";
import { effectiveSpatial, memoryAxes } from "../layout.ts";
import { copyInLayout } from "../relayout.ts";
import { record } from "../tape.ts";
import { Tensor } from "../tensor.ts";
import { axesOf, axisOf, toFloat } from "./arguments.ts";
import { expand } from "./broadcast.ts";
import { equal, mul } from "./elementwise.ts";
import { dropAxes, reduceKeeping } from "./reduce-axes.ts";

type Axes = number | readonly number[];

/** Sum over `axes` (default: all). `keepDim`: they stay with size 1. */
export function sum(x: Tensor, axes?: Axes, keepDim = false): Tensor {
  return linearReduction("sum", x, axes, keepDim);
}

/** Mean over `axes` (default: all). `keepDim`: they stay with size 1. */
export function mean(x: Tensor, axes?: Axes, keepDim = false): Tensor {
  return linearReduction("mean", x, axes, keepDim);
}

function linearReduction(op: "sum" | "mean", x: Tensor, axes: Axes | undefined, keepDim: boolean): Tensor {
  x = toFloat(op, x);
  const list = axesOf(op, axes, x.shape);
  const { shape, spatial } = x;
  const factor = op === "mean" ? 1 / list.reduce((count, axis) => count * shape[axis]!, 1) : 1;
  const kept = reduceKeeping(op, x, list);
  const keptShape = kept.shape;
  const out = keepDim ? kept.detach() : dropAxes(kept, list);
  kept.dispose();
  return record(op, [x], out, [], (grad) => [expand(grad.view(keptShape, spatial), shape, spatial, factor)]);
}

/**
 * Largest value over `axes` (default: all). `keepDim`: they stay with size 1. Of equal values the first in row-major order receives the
 * whole gradient.
 */
export function max(x: Tensor, axes?: Axes, keepDim = false): Tensor {
  x = toFloat("max", x);
  const list = axesOf("max", axes, x.shape);
  // Axes that do not lie in row-major order would make another element "the first": such a tensor is read in plain order.
  const inOrder = list.length <= 1 || effectiveSpatial(x.shape, x.spatial) === 0;
  const input = copyInLayout(x, inOrder ? x.spatial : 0);
  input.variable = x.variable;
  let current = input;
  for (const axis of [...list].reverse()) {
    const next = maxKeeping(current, axis);
    current.dispose();
    current = next;
  }
  const { shape, spatial } = current;
  const out = keepDim ? current.detach() : dropAxes(current, list);
  record("max", [current], out, [], (grad) => [grad.view(shape, spatial)]);
  current.dispose();
  return out;
}

function maxKeeping(x: Tensor, axis: number): Tensor {
  expectElements("max", x, axis);
  const out = reduceKeeping("max", x, [axis]);
  const size = x.shape[axis]!;
  return record("max", [x], out, [x], (grad, [held]) => {
    const winner = argmaxKeeping(held!, axis);
    const place = Tensor.from(
      Float32Array.from({ length: size }, (_, i) => i),
      x.shape.map((_, i) => (i === axis ? size : 1)),
    );
    // one axis only, so its bytes are in the order of every layout
    return [mul(equal(place.view(place.shape, held!.spatial), winner), grad)];
  });
}

function expectElements(where: string, x: Tensor, axis: number): void {
  if (x.shape[axis] === 0) {
    fail("SHAPE", { where, expected: `at least one element along axis ${axis}`, got: formatShape(x.shape) });
  }
}

/** Index of the largest value along an axis, which keeps size 1, as float32 (exact below 2^24). */
function argmaxKeeping(x: Tensor, axis: number): Tensor {
  const winner = argmaxInMemory(x, axis);
  const shape = x.shape.map((size, i) => (i === axis ? 1 : size));
  const out = Tensor.empty(shape, "float32", x.spatial);
  core().convert(DTYPES.int32.id, winner.buffer, DTYPES.float32.id, out.buffer, out.size);
  winner.dispose();
  return out;
}

/** int32, shaped as x with size 1 along the axis. */
function argmaxInMemory(x: Tensor, axis: number): Tensor {
  const order = memoryAxes(x.shape.length, x.spatial);
  const at = order.indexOf(axis);
  const product = (axes: number[]) => axes.reduce((total, i) => total * x.shape[i]!, 1);
  const shape = x.shape.map((size, i) => (i === axis ? 1 : size));
  const out = Tensor.empty(shape, "int32", x.spatial);
  core().reduce(
    "argmax",
    x.buffer,
    product(order.slice(0, at)),
    x.shape[axis]!,
    product(order.slice(at + 1)),
    out.buffer,
  );
  return out;
}

/** Index (int32) of the largest value along one axis, the first of equal ones. The axis disappears. No gradient. */
export function argmax(x: Tensor, axis: number): Tensor {
  x = toFloat("argmax", x);
  const at = axisOf("argmax", axis, x.shape);
  expectElements("argmax", x, at);
  const kept = argmaxInMemory(x, at);
  const out = dropAxes(kept, [at]);
  kept.dispose();
  return out;
}
