/** Transposed convolutions over one and two spatial axes (PyTorch's `ConvTranspose1d` and `ConvTranspose2d`). */
import { z } from "zod";
import { fail, formatShape, nonNegativeInteger, positiveInteger, sizeOf } from "../../core/index.ts";
import { convTranspose, transposedSizes } from "../../tensor/index.ts";
import type { LayerDefinition } from "./define.ts";
import { arrayOf } from "./lowering.ts";
import { layerFactory } from "./registry.ts";
import { dilationOption, expectImage, kernelSize, perAxis, spread, strideOption } from "./spatial.ts";

const optionsOf = (axes: number) =>
  z
    .strictObject({
      inChannels: positiveInteger.describe("channels of the input"),
      outChannels: positiveInteger.describe("channels of the output"),
      kernelSize: kernelSize(axes),
      stride: strideOption(axes).default(1),
      padding: perAxis(nonNegativeInteger, axes).default(0).describe("pixels cut off on both sides of the output"),
      outputPadding: perAxis(nonNegativeInteger, axes).default(0).describe("pixels added behind the output"),
      groups: positiveInteger.default(1).describe("groups of channels that do not see each other"),
      bias: z.boolean().default(true).describe("add a learned number to each output channel"),
      dilation: dilationOption(axes),
    })
    .refine((o) => o.inChannels % o.groups === 0 && o.outChannels % o.groups === 0, {
      path: ["groups"],
      message: "groups that do not divide inChannels and outChannels",
    })
    .refine(
      (o) => {
        const [stride, dilation] = [spread(o.stride, axes), spread(o.dilation, axes)];
        return spread(o.outputPadding, axes).every((pixels, i) => pixels < Math.max(stride[i]!, dilation[i]!));
      },
      { path: ["outputPadding"], message: "as many pixels as stride and dilation or more" },
    );
export type ConvTransposeLayerOptions = z.infer<ReturnType<typeof optionsOf>>;
type ConvTransposeInput = z.input<ReturnType<typeof optionsOf>>;

const windowOf = (o: ConvTransposeLayerOptions, axes: number) => ({
  kernel: spread(o.kernelSize, axes),
  stride: spread(o.stride, axes),
  padding: spread(o.padding, axes),
  outputPadding: spread(o.outputPadding, axes),
  dilation: spread(o.dilation, axes),
});

/** Input `[I, spatial...]`, output `[O, spatial'...]`; weight `[I, O/groups, k...]`, bias `[O]`. */
const definitionOf = (kind: string, axes: number): LayerDefinition<ConvTransposeLayerOptions, ConvTransposeInput> => ({
  kind,
  summary: "transposed convolution: each input pixel adds a window to the output",
  options: optionsOf(axes),
  sees: "stateless",
  shape(input, o, where) {
    expectImage(input, axes, where, o.inChannels);
    const sizes = transposedSizes(input.slice(1), windowOf(o, axes));
    if (sizes.some((size) => size < 1)) {
      const hint = "Reduce the padding.";
      fail("SHAPE", { where, expected: "an output of at least one pixel", got: formatShape(sizes), hint });
    }
    return [o.outChannels, ...sizes];
  },
  parameters(o) {
    const { kernel } = windowOf(o, axes);
    // PyTorch counts the fan of the transposed weight by its second axis
    const init = { uniform: 1 / Math.sqrt((o.outChannels / o.groups) * sizeOf(kernel)) };
    return {
      weight: { shape: [o.inChannels, o.outChannels / o.groups, ...kernel], init },
      ...(o.bias ? { bias: { shape: [o.outChannels], init } } : {}),
    };
  },
  forward(x, layer, context) {
    const { stride, padding, outputPadding, dilation, groups } = layer.options;
    const options = { stride, padding, outputPadding, dilation, groups };
    return convTranspose(x, layer.parameter("weight", context)!, layer.parameter("bias", context), options);
  },
  lower(layer, graph) {
    const { kernel: _, ...window } = windowOf(layer.options, axes);
    graph.add("convTranspose", {
      source: layer.path,
      shape: layer.outputShape(graph.current.shape),
      weight: arrayOf(layer, "weight"),
      bias: layer.options.bias ? arrayOf(layer, "bias") : null,
      ...window,
      groups: layer.options.groups,
    });
  },
});

export const convTranspose1dDefinition = definitionOf("ConvTranspose1d", 1);
export const convTranspose2dDefinition = definitionOf("ConvTranspose2d", 2);
export const ConvTranspose1d = layerFactory(convTranspose1dDefinition);
export const ConvTranspose2d = layerFactory(convTranspose2dDefinition);
