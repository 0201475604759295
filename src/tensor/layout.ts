/** Row-major and channels-last order: which logical axis lies where in memory. No memory is touched here (`relayout.ts` does). */
import { type Shape, sizeOf } from "../core/index.ts";

/** Logical axes in the order in which they lie in memory, outermost first. */
export function memoryAxes(rank: number, spatial: number): number[] {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  if (spatial > 0) axes.push(...axes.splice(rank - 1 - spatial, 1));
  return axes;
}

/** `spatial`, or 0 where channels-last and row-major order are the same bytes: no spatial axes, one channel, or one pixel. */
export function effectiveSpatial(shape: Shape, spatial: number): number {
  if (spatial === 0) return 0;
  const channel = shape.length - 1 - spatial;
  return shape[channel] === 1 || sizeOf(shape.slice(channel + 1)) === 1 ? 0 : spatial;
}

/** True when a tensor of this shape has the same bytes in both layouts. */
export function sameOrder(shape: Shape, a: number, b: number): boolean {
  return a === b || effectiveSpatial(shape, a) === effectiveSpatial(shape, b);
}

/** Distance in memory, in elements, between neighbours along each logical axis. */
export function elementStrides(shape: Shape, spatial: number): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  let stride = 1;
  for (const axis of memoryAxes(shape.length, spatial).reverse()) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}
