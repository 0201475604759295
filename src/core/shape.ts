/** Shapes: lists of whole, non-negative sizes, and how they are written in messages. */
import { fail } from "./errors.ts";

export type Shape = readonly number[];

export function sizeOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** `[2,3,4]`, or with axis letters `[T=2,N=3,C=4]` when they are given. */
export function formatShape(shape: Shape, axes?: string): string {
  return `[${shape.map((size, i) => (axes?.[i] ? `${axes[i]}=${size}` : `${size}`)).join(",")}]`;
}

/** Throws a SHAPE error unless the shapes are equal. */
export function expectShape(where: string, got: Shape, expected: Shape, hint?: string): void {
  if (!sameShape(got, expected)) {
    fail("SHAPE", {
      where,
      expected: `shape ${formatShape(expected)}`,
      got: formatShape(got),
      ...(hint ? { hint } : {}),
    });
  }
}
