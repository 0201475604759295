/** NumPy broadcasting over tensors of any layout: shapes, strides, and the sum that takes a gradient back. Nothing is recorded. */
import { fail, formatShape, type Shape, sameShape } from "../../core/index.ts";
import { type BinaryOp, core } from "../../kernels/index.ts";
import { effectiveSpatial, elementStrides, memoryAxes, sameOrder } from "../layout.ts";
import { copyInLayout } from "../relayout.ts";
import { Tensor } from "../tensor.ts";
import { activationType, toFloat } from "./arguments.ts";
import { reduceKeeping } from "./reduce-axes.ts";

/** Shape of the result of two shapes, aligned at their last axes; an axis of size 1 is repeated. */
export function broadcastShape(where: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const sizeA = a[axis - rank + a.length] ?? 1;
    const sizeB = b[axis - rank + b.length] ?? 1;
    if (sizeA !== sizeB && sizeA !== 1 && sizeB !== 1) {
      fail("SHAPE", {
        where,
        expected: "shapes that are equal or 1 on every axis, counted from the last",
        got: `${formatShape(a)} and ${formatShape(b)}`,
        hint: "Insert axes of size 1 with reshape(), or check the layer before it.",
      });
    }
    return sizeA === 1 ? sizeB : sizeA;
  });
}

/** Layout of the result: that of the larger operand; for equal sizes channels-last, because that is what convolutions read. */
function resultSpatial(a: Tensor, b: Tensor): number {
  if (a.size !== b.size) return a.size > b.size ? a.spatial : b.spatial;
  return effectiveSpatial(a.shape, a.spatial) > 0 ? a.spatial : b.spatial || a.spatial;
}

/** Element strides along the axes of `shape`, 0 where the tensor is repeated. */
function repeatStrides(tensor: Tensor, shape: Shape): number[] {
  const own = elementStrides(tensor.shape, tensor.spatial);
  const lead = shape.length - tensor.shape.length;
  return shape.map((size, axis) =>
    axis < lead || (tensor.shape[axis - lead] === 1 && size !== 1) ? 0 : own[axis - lead]!,
  );
}

/** a op b with broadcasting, both float32, or both of one 16-bit type where the shapes are one; the result has the larger operand's layout. Allocates the result only. */
export function binary(where: string, op: BinaryOp, a: Tensor, b: Tensor): Tensor {
  if (sameShape(a.shape, b.shape)) return binarySameShape(op, a, b);
  const shape = broadcastShape(where, a.shape, b.shape);
  return broadcastInto(op, a, b, Tensor.empty(shape, "float32", resultSpatial(a, b)));
}

function binarySameShape(op: BinaryOp, a: Tensor, b: Tensor): Tensor {
  const type = activationType(op, a);
  const out = Tensor.empty(a.shape, type, resultSpatial(a, b));
  if (sameOrder(a.shape, a.spatial, b.spatial)) {
    core().binary(op, a.buffer, b.buffer, out.buffer, out.size, type);
    return out;
  }
  const left = copyInLayout(a, out.spatial);
  const right = copyInLayout(b, out.spatial);
  core().binary(op, left.buffer, right.buffer, out.buffer, out.size, type);
  left.dispose();
  right.dispose();
  return out;
}

function broadcastInto(op: BinaryOp, a: Tensor, b: Tensor, out: Tensor): Tensor {
  const order = memoryAxes(out.shape.length, out.spatial);
  const inMemoryOrder = (values: Shape) => order.map((axis) => values[axis]!);
  core().binaryBroadcast(
    op,
    a.buffer,
    inMemoryOrder(repeatStrides(a, out.shape)),
    b.buffer,
    inMemoryOrder(repeatStrides(b, out.shape)),
    out.buffer,
    inMemoryOrder(out.shape),
  );
  return out;
}

/** Repeats x along its axes of size 1 (and new leading ones) to `shape`, times `factor`. The gradient of a sum or mean. */
export function expand(x: Tensor, shape: Shape, spatial: number, factor = 1): Tensor {
  const out = Tensor.empty(shape, "float32", spatial);
  // asking a device for the number would wait for it
  if (x.size === 1 && x.device === "cpu") {
    core().fill(out.buffer, out.size, x.item() * factor);
    return out;
  }
  const scalar = Tensor.full([], factor, { device: x.device });
  broadcastInto("mul", x, scalar, out);
  scalar.dispose();
  return out;
}

/** Sums a gradient over the axes along which a value of `shape` was repeated: the transpose of broadcasting. */
export function sumTo(grad: Tensor, shape: Shape): Tensor {
  if (sameShape(grad.shape, shape)) return grad.share();
  const lead = grad.shape.length - shape.length;
  const repeated = grad.shape.flatMap((size, axis) =>
    axis < lead || (shape[axis - lead] === 1 && size !== 1) ? [axis] : [],
  );
  const reduced = reduceKeeping("sum", toFloat("sum", grad), repeated);
  // With too few axes left for the layout, its channel axis was one of the repeated ones: both orders are the same bytes.
  const result = reduced.view(shape, shape.length > reduced.spatial ? reduced.spatial : 0);
  reduced.dispose();
  return result;
}
