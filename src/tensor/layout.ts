/** Row-major and channels-last order: which logical axis lies where in memory. No memory is touched here (`relayout.ts` does). */
import { type Shape, sizeOf } from "../core/index.ts";

export interface LayoutPermutation {
  /** Shape of the memory: the logical shape with the channel axis moved to the end. */
  physicalShape: number[];
  /** Axes that take physical to logical order (NumPy's transpose). */
  toLogical: number[];
  /** Axes that take logical to physical order. */
  toPhysical: number[];
}

/** Logical axes in the order in which they lie in memory, outermost first. */
export function memoryAxes(rank: number, spatial: number): number[] {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  if (spatial > 0) axes.push(...axes.splice(rank - 1 - spatial, 1));
  return axes;
}

/** null when both orders are the same bytes: no spatial axes, one channel, or one pixel. */
export function channelsLastPermutation(shape: Shape, spatial: number): LayoutPermutation | null {
  if (effectiveSpatial(shape, spatial) === 0) return null;
  const toPhysical = memoryAxes(shape.length, spatial);
  const toLogical = shape.map((_, axis) => toPhysical.indexOf(axis));
  return { physicalShape: toPhysical.map((axis) => shape[axis]!), toLogical, toPhysical };
}

/** `spatial`, or 0 where channels-last and row-major order are the same bytes. */
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
