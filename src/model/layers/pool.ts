/** Pooling over sequences and images: largest value, mean and sum of a window. One rule for the three, they differ in the operation only. */
import { z } from "zod";
import { fail, positiveInteger } from "../../core/index.ts";
import { avgPool, maxPool, sumPool } from "../../tensor/index.ts";
import type { LayerDefinition } from "./define.ts";
import { layerFactory } from "./registry.ts";
import {
  dilationOption,
  expectImage,
  kernelSize,
  type PerAxis,
  paddingOption,
  spread,
  strideOption,
  windowOutput,
} from "./spatial.ts";

const shared = (axes: number) => ({
  kernelSize: kernelSize(axes),
  stride: strideOption(axes).optional().describe("step of the window in pixels; the window size when it is not given"),
  padding: paddingOption(axes),
});
/** As PyTorch: a window never lies wholly in the padding. */
const padsAtMostHalf =
  (axes: number) =>
  ({ kernelSize: kernel, padding }: { kernelSize: PerAxis; padding: PerAxis }): boolean => {
    const sizes = spread(kernel, axes);
    return spread(padding, axes).every((pad, axis) => pad <= sizes[axis]! / 2);
  };
const HALF_THE_WINDOW = { path: ["padding"], message: "a padding of more than half the window" };
const ceilMode = z.boolean().default(false).describe("round the output size up instead of down");

export interface PoolOptions {
  kernelSize: PerAxis;
  stride?: PerAxis | undefined;
  padding: PerAxis;
  dilation?: PerAxis;
  ceilMode?: boolean;
  countIncludePad?: boolean;
  divisorOverride?: number | undefined;
}

const operations = { max: maxPool, avg: avgPool, sum: sumPool };

/** Input `[C, spatial...]`, output `[C, spatial'...]`. */
function poolDefinition<O extends PoolOptions, I>(
  kind: string,
  axes: number,
  operation: keyof typeof operations,
  options: z.ZodType<O, I>,
  summary: string,
): LayerDefinition<O, I> {
  const window = (o: O) => ({
    kernelSize: o.kernelSize,
    stride: o.stride ?? o.kernelSize,
    padding: o.padding,
    dilation: o.dilation ?? 1,
    ceilMode: o.ceilMode ?? false,
  });
  return {
    kind,
    summary,
    options,
    sees: "stateless",
    rounds: operation !== "max",
    shape(input, o, where) {
      expectImage(input, axes, where);
      return [input[0]!, ...windowOutput(input.slice(1), window(o), where)];
    },
    forward: (x, { options: o }) =>
      operations[operation](x, {
        ...window(o),
        countIncludePad: o.countIncludePad ?? true,
        divisorOverride: o.divisorOverride,
      }),
    lower(layer, graph) {
      const w = window(layer.options);
      const { divisorOverride } = layer.options;
      if (divisorOverride !== undefined) {
        const hint = "Use SumPool2d and scale the weights behind it.";
        fail("TARGET", {
          where: layer.label,
          expected: "a mean of the window",
          got: `divisorOverride ${divisorOverride}`,
          hint,
        });
      }
      graph.add("pool", {
        source: layer.path,
        shape: layer.outputShape(graph.current.shape),
        operation,
        kernelSize: spread(w.kernelSize, axes),
        stride: spread(w.stride, axes),
        padding: spread(w.padding, axes),
        dilation: spread(w.dilation, axes),
        ceilMode: w.ceilMode,
        countIncludePad: layer.options.countIncludePad ?? true,
      });
    },
  };
}

const maxOptions = (axes: number) =>
  z
    .strictObject({ ...shared(axes), dilation: dilationOption(axes), ceilMode })
    .refine(padsAtMostHalf(axes), HALF_THE_WINDOW);
const avgOptions = (axes: number) =>
  z
    .strictObject({
      ...shared(axes),
      ceilMode,
      countIncludePad: z.boolean().default(true).describe("count padded zeros in the mean"),
      divisorOverride: positiveInteger.optional().describe("divide by this instead of the number of pixels"),
    })
    .refine(padsAtMostHalf(axes), HALF_THE_WINDOW);
const MAXIMUM = "largest value of each window; the first one wins a tie";
const MEAN = "mean of each window";

export const maxPool1dDefinition = poolDefinition("MaxPool1d", 1, "max", maxOptions(1), MAXIMUM);
export const maxPool2dDefinition = poolDefinition("MaxPool2d", 2, "max", maxOptions(2), MAXIMUM);
export const avgPool1dDefinition = poolDefinition("AvgPool1d", 1, "avg", avgOptions(1), MEAN);
export const avgPool2dDefinition = poolDefinition("AvgPool2d", 2, "avg", avgOptions(2), MEAN);
/** As Lava DL's pool layer with weight 1, and SpikingJelly's `lava_exchange.SumPool2d` (sizes rounded down). */
export const sumPool2dDefinition = poolDefinition(
  "SumPool2d",
  2,
  "sum",
  z.strictObject({ ...shared(2), dilation: dilationOption(2) }).refine(padsAtMostHalf(2), HALF_THE_WINDOW),
  "sum of each window",
);

export const MaxPool1d = layerFactory(maxPool1dDefinition);
export const MaxPool2d = layerFactory(maxPool2dDefinition);
export const AvgPool1d = layerFactory(avgPool1dDefinition);
export const AvgPool2d = layerFactory(avgPool2dDefinition);
export const SumPool2d = layerFactory(sumPool2dDefinition);
