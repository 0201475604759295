/** Options and shape rules that the layers with windows (convolution, pooling) share. */
import { z } from "zod";
import { fail, formatShape, nonNegativeInteger, positiveInteger, type Shape } from "../../core/index.ts";
import { windowSizes } from "../../tensor/index.ts";

/** A whole number for all spatial axes, or one for each. */
export const perAxis = (item: z.ZodInt, axes: number) => z.union([item, z.array(item).length(axes)]);

export const kernelSize = (axes: number) => perAxis(positiveInteger, axes).describe("window size in pixels");
export const strideOption = (axes: number) => perAxis(positiveInteger, axes).describe("step of the window in pixels");
export const paddingOption = (axes: number) =>
  perAxis(nonNegativeInteger, axes).default(0).describe("zeros added on both sides, in pixels");
export const dilationOption = (axes: number) =>
  perAxis(positiveInteger, axes).default(1).describe("distance of neighbouring window elements, in pixels");

export type PerAxis = number | number[];

/** One number for each of `axes` axes. */
export function spread(value: PerAxis, axes: number): number[] {
  return typeof value === "number" ? new Array<number>(axes).fill(value) : value;
}

export interface Window {
  kernelSize: PerAxis;
  stride: PerAxis;
  padding: PerAxis;
  dilation: PerAxis;
  ceilMode?: boolean;
}

/** Spatial sizes behind a window, by the rule of the operations themselves. */
export function windowOutput(input: Shape, window: Window, where: string): number[] {
  const axes = input.length;
  return windowSizes(where, input, {
    kernel: spread(window.kernelSize, axes),
    stride: spread(window.stride, axes),
    padding: spread(window.padding, axes),
    dilation: spread(window.dilation, axes),
    ceilMode: window.ceilMode ?? false,
  });
}

/** Checks that an input is `[C, ...spatial]` with the given number of spatial axes. */
export function expectImage(input: Shape, spatialAxes: number, where: string, channels?: number): void {
  if (input.length !== spatialAxes + 1) {
    fail("SHAPE", {
      where,
      expected: `input [C${["", ",W", ",H,W", ",D,H,W"][spatialAxes]}]`,
      got: formatShape(input),
      hint: "Check the layer before it: flattened data cannot be convolved or pooled.",
    });
  }
  if (channels !== undefined && input[0] !== channels) {
    fail("SHAPE", {
      where,
      expected: `input with ${channels} channels`,
      got: `${input[0]} (input ${formatShape(input)})`,
      hint: "Check the layer before it.",
    });
  }
}
