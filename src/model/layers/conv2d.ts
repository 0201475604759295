/** Two-dimensional convolution (cross-correlation, as PyTorch's `Conv2d`). */
import { z } from "zod";
import { fail, formatShape, nonNegativeInteger, positiveInteger } from "../../core/index.ts";
import { conv2d, pad } from "../../tensor/index.ts";
import type { LayerDefinition } from "./define.ts";
import type { Layer } from "./layer.ts";
import { arrayOf } from "./lowering.ts";
import { layerFactory } from "./registry.ts";
import { dilationOption, expectImage, kernelSize, perAxis, spread, strideOption, windowOutput } from "./spatial.ts";

const options = z
  .strictObject({
    inChannels: positiveInteger.describe("channels of the input"),
    outChannels: positiveInteger.describe("channels of the output"),
    kernelSize: kernelSize(2),
    stride: strideOption(2).default(1),
    padding: z
      .union([perAxis(nonNegativeInteger, 2), z.literal("same")])
      .default(0)
      .describe('pixels added on both sides; "same": as many as keep the size, an odd one behind'),
    paddingMode: z
      .enum(["zeros", "reflect", "replicate", "circular"])
      .default("zeros")
      .describe("what is added: zeros, the mirror image without the edge, the edge, or the other end"),
    dilation: dilationOption(2),
    groups: positiveInteger.default(1).describe("groups of channels that do not see each other"),
    bias: z.boolean().default(true).describe("add a learned number to each output channel"),
  })
  .refine((o) => o.inChannels % o.groups === 0 && o.outChannels % o.groups === 0, {
    path: ["groups"],
    message: "groups that do not divide inChannels and outChannels",
  })
  .refine((o) => o.padding !== "same" || spread(o.stride, 2).every((step) => step === 1), {
    path: ["padding"],
    message: '"same" with a stride other than 1',
  });
export type Conv2dOptions = z.infer<typeof options>;

/** Pixels added `[before, after]` each spatial axis. */
function paddingOf({ padding, kernelSize: kernel, dilation }: Conv2dOptions): [number, number][] {
  if (padding !== "same") return spread(padding, 2).map((pixels) => [pixels, pixels]);
  const sizes = spread(kernel, 2);
  const total = spread(dilation, 2).map((distance, axis) => distance * (sizes[axis]! - 1));
  return total.map((pixels) => [Math.floor(pixels / 2), Math.ceil(pixels / 2)]);
}

/** Input `[C,H,W]`, output `[O,H',W']`; weight `[O, C/groups, kH, kW]`, bias `[O]`. */
export const conv2dDefinition: LayerDefinition<Conv2dOptions, z.input<typeof options>> = {
  kind: "Conv2d",
  summary: "convolution over images",
  options,
  sees: "stateless",
  shape(input, o, where) {
    expectImage(input, 2, where, o.inChannels);
    if (o.padding === "same") return [o.outChannels, ...input.slice(1)];
    return [o.outChannels, ...windowOutput(input.slice(1), { ...o, padding: o.padding }, where)];
  },
  parameters(o) {
    const [height, width] = spread(o.kernelSize, 2) as [number, number];
    const fanIn = (o.inChannels / o.groups) * height * width;
    const init = { uniform: 1 / Math.sqrt(fanIn) };
    return {
      weight: { shape: [o.outChannels, o.inChannels / o.groups, height, width], init },
      ...(o.bias ? { bias: { shape: [o.outChannels], init } } : {}),
    };
  },
  forward(x, layer, context) {
    const { paddingMode, ...window } = layer.options;
    const [weight, bias] = [layer.parameter("weight", context)!, layer.parameter("bias", context)];
    if (paddingMode === "zeros") return conv2d(x, weight, bias, window);
    return conv2d(pad(x, paddingOf(layer.options), paddingMode), weight, bias, { ...window, padding: 0 });
  },
  lower(layer, graph) {
    const { stride, dilation, groups, bias, paddingMode } = layer.options;
    const padding = paddingOf(layer.options);
    if (paddingMode !== "zeros") refusePadding(layer, `paddingMode "${paddingMode}"`, "Chips pad with zeros only.");
    if (padding.some(([before, after]) => before !== after)) {
      refusePadding(
        layer,
        `${formatShape(padding.flat())}`,
        "Give the padding as a number, or use an odd kernel size.",
      );
    }
    graph.add("conv", {
      source: layer.path,
      shape: layer.outputShape(graph.current.shape),
      weight: arrayOf(layer, "weight"),
      bias: bias ? arrayOf(layer, "bias") : null,
      stride: spread(stride, 2),
      padding: padding.map(([before]) => before),
      dilation: spread(dilation, 2),
      groups,
    });
  },
};

function refusePadding({ label }: Layer, got: string, hint: string): never {
  fail("TARGET", { where: label, expected: "the same number of zeros on both sides", got, hint });
}

export const Conv2d = layerFactory(conv2dDefinition);
