/** Row-major and channels-last order: the permutations between them. */
import { type Shape, sizeOf } from "../core/index.ts";

export interface LayoutPermutation {
  /** Shape of the memory: the logical shape with the channel axis moved to the end. */
  physicalShape: number[];
  /** Axes that take physical to logical order (NumPy's transpose). */
  toLogical: number[];
  /** Axes that take logical to physical order. */
  toPhysical: number[];
}

/** null when both orders are the same bytes: no spatial axes, one channel, or one pixel. */
export function channelsLastPermutation(shape: Shape, spatial: number): LayoutPermutation | null {
  if (spatial === 0) return null;
  const rank = shape.length;
  const channel = rank - 1 - spatial;
  if (shape[channel] === 1 || sizeOf(shape.slice(channel + 1)) === 1) return null;
  const axes = shape.map((_, axis) => axis);
  const toPhysical = [...axes.slice(0, channel), ...axes.slice(channel + 1), channel];
  const toLogical = axes.map((axis) => toPhysical.indexOf(axis));
  return { physicalShape: toPhysical.map((axis) => shape[axis]!), toLogical, toPhysical };
}
