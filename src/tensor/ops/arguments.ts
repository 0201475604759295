/** Checks of what operations are given: element types, axes, numbers per spatial axis. */
import { type DType, fail, formatShape, type Shape } from "../../core/index.ts";
import type { ActivationType } from "../../kernels/index.ts";
import type { Tensor } from "../tensor.ts";
import { toDtype } from "./cast.ts";

export function isActivation(dtype: DType): dtype is ActivationType {
  return dtype === "float32" || dtype === "float16" || dtype === "bfloat16";
}

/** The element type of a tensor that may be an activation: float32 or 16 bits. @throws VALUE for whole numbers */
export function activationType(where: string, x: { dtype: DType; shape: Shape | null }): ActivationType {
  if (isActivation(x.dtype)) return x.dtype;
  return fail("VALUE", {
    where,
    expected: "float32 tensors",
    got: x.shape ? `${x.dtype} ${formatShape(x.shape)}` : x.dtype,
    hint: "Convert it with cast().",
  });
}

/** x as float32, in which an operation computes that has no form for 16 bits: itself where it is that already, else its recorded conversion. */
export function toFloat(where: string, x: Tensor): Tensor {
  return activationType(where, x) === "float32" ? x : toDtype(x, "float32");
}

/** As `toFloat`, for a tensor that may be absent. */
export function toFloatIfAny(where: string, x: Tensor | null): Tensor | null {
  return x && toFloat(where, x);
}

/** Throws unless every tensor given is float32: what operations change in place, or read as plain numbers. */
export function expectFloat(where: string, ...tensors: (Tensor | null | undefined)[]): void {
  for (const tensor of tensors) {
    if (tensor && activationType(where, tensor) !== "float32") {
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
