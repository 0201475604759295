/** Mean pooling to a given size (PyTorch's `AdaptiveAvgPool1d` and `AdaptiveAvgPool2d`). */
import { z } from "zod";
import { fail, formatShape, positiveInteger } from "../../core/index.ts";
import { avgPool, concat, mean, slice, type Tensor } from "../../tensor/index.ts";
import type { LayerDefinition } from "./define.ts";
import { layerFactory } from "./registry.ts";
import { expectImage, perAxis, spread } from "./spatial.ts";

const optionsOf = (axes: number) =>
  z.strictObject({ outputSize: perAxis(positiveInteger, axes).describe("size of the output in pixels") });
export type AdaptivePoolOptions = z.infer<ReturnType<typeof optionsOf>>;

/** Size of equal windows that do not overlap, or null where the output size does not divide the input. */
function evenWindow(input: readonly number[], output: readonly number[]): number[] | null {
  return input.every((size, axis) => size % output[axis]! === 0)
    ? input.map((size, axis) => size / output[axis]!)
    : null;
}

/** Window i runs from floor(i in/out) to ceil((i+1) in/out). A mean over a rectangle is the mean of one axis after the other. */
function unevenMeans(x: Tensor, output: readonly number[]): Tensor {
  return output.reduce((current, count, spatialAxis) => {
    const axis = spatialAxis + 2;
    const size = current.shape[axis]!;
    const windows = Array.from({ length: count }, (_, i) => {
      const window = slice(current, axis, Math.floor((i * size) / count), Math.ceil(((i + 1) * size) / count));
      return mean(window, [axis], true);
    });
    return concat(windows, axis);
  }, x);
}

/** Input `[C, spatial...]`, output `[C, outputSize...]`. */
const definitionOf = (
  kind: string,
  axes: number,
): LayerDefinition<AdaptivePoolOptions, z.input<ReturnType<typeof optionsOf>>> => ({
  kind,
  summary: "mean of windows that share the input out among the output pixels",
  options: optionsOf(axes),
  sees: "stateless",
  shape(input, o, where) {
    expectImage(input, axes, where);
    return [input[0]!, ...spread(o.outputSize, axes)];
  },
  forward(x, { options: o }) {
    const output = spread(o.outputSize, axes);
    const window = evenWindow(x.shape.slice(2), output);
    return window ? avgPool(x, { kernelSize: window }) : unevenMeans(x, output);
  },
  lower(layer, graph) {
    const input = graph.current.shape.slice(1);
    const output = spread(layer.options.outputSize, axes);
    const window = evenWindow(input, output);
    if (!window) {
      fail("TARGET", {
        where: layer.label,
        expected: `an output size that divides the input ${formatShape(input)}`,
        got: formatShape(output),
        hint: "Chips know windows of one size only: choose another outputSize or input size.",
      });
    }
    graph.add("pool", {
      source: layer.path,
      shape: layer.outputShape(graph.current.shape),
      operation: "avg",
      kernelSize: window,
      stride: window,
      padding: window.map(() => 0),
      dilation: window.map(() => 1),
      ceilMode: false,
      countIncludePad: true,
    });
  },
});

export const adaptiveAvgPool1dDefinition = definitionOf("AdaptiveAvgPool1d", 1);
export const adaptiveAvgPool2dDefinition = definitionOf("AdaptiveAvgPool2d", 2);
export const AdaptiveAvgPool1d = layerFactory(adaptiveAvgPool1dDefinition);
export const AdaptiveAvgPool2d = layerFactory(adaptiveAvgPool2dDefinition);
