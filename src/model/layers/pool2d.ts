/** Pooling over images: largest value, mean and sum of a window. One rule for the three, they differ in the operation only. */
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

const shared = {
  kernelSize: kernelSize(2),
  stride: strideOption(2).optional().describe("step of the window in pixels; the window size when it is not given"),
  padding: paddingOption(2),
};
/** As PyTorch: a window never lies wholly in the padding. */
function padsAtMostHalf({ kernelSize: kernel, padding }: { kernelSize: PerAxis; padding: PerAxis }): boolean {
  const sizes = spread(kernel, 2);
  return spread(padding, 2).every((pad, axis) => pad <= sizes[axis]! / 2);
}
const HALF_THE_WINDOW = { path: ["padding"], message: "a padding of more than half the window" };
const ceilMode = z.boolean().default(false).describe("round the output size up instead of down");

export interface Pool2dOptions {
  kernelSize: PerAxis;
  stride?: PerAxis | undefined;
  padding: PerAxis;
  dilation?: PerAxis;
  ceilMode?: boolean;
  countIncludePad?: boolean;
  divisorOverride?: number | undefined;
}

const operations = { max: maxPool, avg: avgPool, sum: sumPool };

/** Input `[C,H,W]`, output `[C,H',W']`. */
function poolDefinition<O extends Pool2dOptions, I>(
  kind: string,
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
      expectImage(input, 2, where);
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
        kernelSize: spread(w.kernelSize, 2),
        stride: spread(w.stride, 2),
        padding: spread(w.padding, 2),
        dilation: spread(w.dilation, 2),
        ceilMode: w.ceilMode,
        countIncludePad: layer.options.countIncludePad ?? true,
      });
    },
  };
}

export const maxPool2dDefinition = poolDefinition(
  "MaxPool2d",
  "max",
  z.strictObject({ ...shared, dilation: dilationOption(2), ceilMode }).refine(padsAtMostHalf, HALF_THE_WINDOW),
  "largest value of each window; the first one wins a tie",
);
export const avgPool2dDefinition = poolDefinition(
  "AvgPool2d",
  "avg",
  z
    .strictObject({
      ...shared,
      ceilMode,
      countIncludePad: z.boolean().default(true).describe("count padded zeros in the mean"),
      divisorOverride: positiveInteger.optional().describe("divide by this instead of the number of pixels"),
    })
    .refine(padsAtMostHalf, HALF_THE_WINDOW),
  "mean of each window",
);
/** As Lava DL's pool layer with weight 1, and SpikingJelly's `lava_exchange.SumPool2d` (sizes rounded down). */
export const sumPool2dDefinition = poolDefinition(
  "SumPool2d",
  "sum",
  z.strictObject({ ...shared, dilation: dilationOption(2) }).refine(padsAtMostHalf, HALF_THE_WINDOW),
  "sum of each window",
);

export const MaxPool2d = layerFactory(maxPool2dDefinition);
export const AvgPool2d = layerFactory(avgPool2dDefinition);
export const SumPool2d = layerFactory(sumPool2dDefinition);
