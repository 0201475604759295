/** Two-dimensional convolution (cross-correlation, as PyTorch's `Conv2d`). */
import { z } from "zod";
import { positiveInteger } from "../../core/index.ts";
import { conv2d } from "../../tensor/index.ts";
import type { LayerDefinition } from "./define.ts";
import { arrayOf } from "./lowering.ts";
import { layerFactory } from "./registry.ts";
import {
  dilationOption,
  expectImage,
  kernelSize,
  paddingOption,
  spread,
  strideOption,
  windowOutput,
} from "./spatial.ts";

const options = z
  .strictObject({
    inChannels: positiveInteger.describe("channels of the input"),
    outChannels: positiveInteger.describe("channels of the output"),
    kernelSize: kernelSize(2),
    stride: strideOption(2).default(1),
    padding: paddingOption(2),
    dilation: dilationOption(2),
    groups: positiveInteger.default(1).describe("groups of channels that do not see each other"),
    bias: z.boolean().default(true).describe("add a learned number to each output channel"),
  })
  .refine((o) => o.inChannels % o.groups === 0 && o.outChannels % o.groups === 0, {
    path: ["groups"],
    message: "groups that do not divide inChannels and outChannels",
  });
export type Conv2dOptions = z.infer<typeof options>;

/** Input `[C,H,W]`, output `[O,H',W']`; weight `[O, C/groups, kH, kW]`, bias `[O]`. */
export const conv2dDefinition: LayerDefinition<Conv2dOptions, z.input<typeof options>> = {
  kind: "Conv2d",
  summary: "convolution over images",
  options,
  sees: "stateless",
  shape(input, o, where) {
    expectImage(input, 2, where, o.inChannels);
    return [o.outChannels, ...windowOutput(input.slice(1), o, where)];
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
    return conv2d(x, layer.parameter("weight", context)!, layer.parameter("bias", context), layer.options);
  },
  lower(layer, graph) {
    const { stride, padding, dilation, groups } = layer.options;
    graph.add("conv", {
      source: layer.path,
      shape: layer.outputShape(graph.current.shape),
      weight: arrayOf(layer, "weight"),
      bias: layer.options.bias ? arrayOf(layer, "bias") : null,
      stride: spread(stride, 2),
      padding: spread(padding, 2),
      dilation: spread(dilation, 2),
      groups,
    });
  },
};

export const Conv2d = layerFactory(conv2dDefinition);
