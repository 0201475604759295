/** Checks of what operations are given: element types, axes, numbers per spatial axis. */
import { fail, formatShape, type Shape } from "../../core/index.ts";
import type { Tensor } from "../tensor.ts";

/** Throws unless every tensor given is float32, the type operations compute in. */
export function expectFloat(where: string, ...tensors: (Tensor | null | undefined)[]): void {
  for (const tensor of tensors) {
    if (tensor && tensor.dtype !== "float32") {
      fail("VALUE", {
        where,
        expected: "float32 tensors",
        got: `${tensor.dtype} ${formatShape(tensor.shape)}`,
        hint: "Convert it with cast().",
      });
    }
  }
}

/** An axis counted from the front; -1 is the last. */
export function axisOf(where: string, axis: number, shape: Shape): number {
  const rank = shape.length;
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    fail("SHAPE", {
      where,
      expected: rank === 0 ? "a tensor with axes" : `an axis from ${-rank} to ${rank - 1} of ${formatShape(shape)}`,
      got: rank === 0 ? "a scalar" : `${axis}`,
    });
  }
  return axis < 0 ? axis + rank : axis;
}

/** Axes counted from the front, ascending, each once; `undefined` means all. */
export function axesOf(where: string, axes: number | readonly number[] | undefined, shape: Shape): number[] {
  if (axes === undefined) return shape.map((_, axis) => axis);
  const list = typeof axes === "number" ? [axes] : axes;
  return [...new Set(list.map((axis) => axisOf(where, axis, shape)))].sort((a, b) => a - b);
}

/** One number for all spatial axes, or one for each. */
export type PerAxis = number | readonly number[];

/** A number for each of `count` spatial axes, each a whole number of at least `least`. */
export function perAxis(where: string, name: string, value: PerAxis, count: number, least: number): number[] {
  const list = typeof value === "number" ? new Array<number>(count).fill(value) : [...value];
  if (list.length !== count || list.some((item) => !Number.isInteger(item) || item < least)) {
    fail("OPTION", {
      where: `${where} ${name}`,
      expected: `a whole number of at least ${least}, or ${count} of them`,
      got: typeof value === "number" ? `${value}` : `[${value.join(", ")}]`,
    });
  }
  return list;
}
