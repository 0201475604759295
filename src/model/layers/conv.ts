/** Convolutions over one to three spatial axes (cross-correlation, as PyTorch's `Conv1d` to `Conv3d`). */
import { z } from "zod";
import { fail, formatShape, nonNegativeInteger, positiveInteger, sizeOf } from "../../core/index.ts";
import { conv1d, conv2d, conv3d, pad } from "../../tensor/index.ts";
import type { LayerDefinition } from "./define.ts";
import type { Layer } from "./layer.ts";
import { arrayOf } from "./lowering.ts";
import { layerFactory } from "./registry.ts";
import { dilationOption, expectImage, kernelSize, perAxis, spread, strideOption, windowOutput } from "./spatial.ts";

const optionsOf = (axes: number) =>
  z
    .strictObject({
      inChannels: positiveInteger.describe("channels of the input"),
      outChannels: positiveInteger.describe("channels of the output"),
      kernelSize: kernelSize(axes),
      stride: strideOption(axes).default(1),
      padding: z
        .union([perAxis(nonNegativeInteger, axes), z.literal("same")])
        .default(0)
        .describe('pixels added on both sides; "same": as many as keep the size, an odd one behind'),
      paddingMode: z
        .enum(["zeros", "reflect", "replicate", "circular"])
        .default("zeros")
        .describe("what is added: zeros, the mirror image without the edge, the edge, or the other end"),
      dilation: dilationOption(axes),
      groups: positiveInteger.default(1).describe("groups of channels that do not see each other"),
      bias: z.boolean().default(true).describe("add a learned number to each output channel"),
    })
    .refine((o) => o.inChannels % o.groups === 0 && o.outChannels % o.groups === 0, {
      path: ["groups"],
      message: "groups that do not divide inChannels and outChannels",
    })
    .refine((o) => o.padding !== "same" || spread(o.stride, axes).every((step) => step === 1), {
      path: ["padding"],
      message: '"same" with a stride other than 1',
    });
export type ConvOptions = z.infer<ReturnType<typeof optionsOf>>;
export type Conv2dOptions = ConvOptions;
type ConvInput = z.input<ReturnType<typeof optionsOf>>;

const OPERATIONS = [conv1d, conv2d, conv3d] as const;
const DATA = ["sequences", "images", "volumes"] as const;

/** Pixels added `[before, after]` each spatial axis. */
function paddingOf({ padding, kernelSize: kernel, dilation }: ConvOptions, axes: number): [number, number][] {
  if (padding !== "same") return spread(padding, axes).map((pixels) => [pixels, pixels]);
  const sizes = spread(kernel, axes);
  const total = spread(dilation, axes).map((distance, axis) => distance * (sizes[axis]! - 1));
  return total.map((pixels) => [Math.floor(pixels / 2), Math.ceil(pixels / 2)]);
}

/** Input `[C, spatial...]`, output `[O, spatial'...]`; weight `[O, C/groups, k...]`, bias `[O]`. */
const convDefinition = (axes: 1 | 2 | 3): LayerDefinition<ConvOptions, ConvInput> => ({
  kind: `Conv${axes}d`,
  summary: `convolution over ${DATA[axes - 1]}`,
  options: optionsOf(axes),
  sees: "stateless",
  shape(input, o, where) {
    expectImage(input, axes, where, o.inChannels);
    if (o.padding === "same") return [o.outChannels, ...input.slice(1)];
    return [o.outChannels, ...windowOutput(input.slice(1), { ...o, padding: o.padding }, where)];
  },
  parameters(o) {
    const window = spread(o.kernelSize, axes);
    const fanIn = (o.inChannels / o.groups) * sizeOf(window);
    const init = { uniform: 1 / Math.sqrt(fanIn) };
    return {
      weight: { shape: [o.outChannels, o.inChannels / o.groups, ...window], init },
      ...(o.bias ? { bias: { shape: [o.outChannels], init } } : {}),
    };
  },
  forward(x, layer, context) {
    const { paddingMode, ...window } = layer.options;
    const convolve = OPERATIONS[axes - 1]!;
    const [weight, bias] = [layer.parameter("weight", context)!, layer.parameter("bias", context)];
    if (paddingMode === "zeros") return convolve(x, weight, bias, window);
    return convolve(pad(x, paddingOf(layer.options, axes), paddingMode), weight, bias, { ...window, padding: 0 });
  },
  lower(layer, graph) {
    const { stride, dilation, groups, bias, paddingMode } = layer.options;
    const padding = paddingOf(layer.options, axes);
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
      stride: spread(stride, axes),
      padding: padding.map(([before]) => before),
      dilation: spread(dilation, axes),
      groups,
    });
  },
});

function refusePadding({ label }: Layer, got: string, hint: string): never {
  fail("TARGET", { where: label, expected: "the same number of zeros on both sides", got, hint });
}

export const conv1dDefinition = convDefinition(1);
export const conv2dDefinition = convDefinition(2);
export const conv3dDefinition = convDefinition(3);
export const Conv1d = layerFactory(conv1dDefinition);
export const Conv2d = layerFactory(conv2dDefinition);
export const Conv3d = layerFactory(conv3dDefinition);
