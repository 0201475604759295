/** Flattens axes to features in C,H,W order (PyTorch's `Flatten`; time and batch stay). */
import { z } from "zod";
import { fail, formatShape, type Shape, sizeOf } from "../../core/index.ts";
import { reshape } from "../../tensor/index.ts";
import type { LayerDefinition } from "./define.ts";
import { layerFactory } from "./registry.ts";

const options = z.strictObject({
  startDim: z.int().min(1).default(1).describe("first axis that is merged, counted with the batch as axis 0"),
  endDim: z.int().default(-1).describe("last axis that is merged; negative counts from the end"),
});
export type FlattenOptions = z.infer<typeof options>;

/** First and last merged axis of `[N, ...]`, as places in the shape without the batch. */
function mergedAxes(input: Shape, o: FlattenOptions, where: string): [first: number, last: number] {
  const axes = input.length;
  const last = (o.endDim < 0 ? o.endDim + axes + 1 : o.endDim) - 1;
  const first = o.startDim - 1;
  if (first > last || last >= axes) {
    const got = `${o.startDim} to ${o.endDim} (input ${formatShape(input)})`;
    fail("SHAPE", { where, expected: `startDim <= endDim within axes 1 to ${axes}`, got });
  }
  return [first, last];
}

export const flattenDefinition: LayerDefinition<FlattenOptions, z.input<typeof options>> = {
  kind: "Flatten",
  summary: "axes to features, in C,H,W order",
  options,
  sees: "stateless",
  rounds: false,
  shape(input, o, where) {
    const [first, last] = mergedAxes(input, o, where);
    return [...input.slice(0, first), sizeOf(input.slice(first, last + 1)), ...input.slice(last + 1)];
  },
  forward: (x, layer) => reshape(x, [x.shape[0]!, ...layer.outputShape(x.shape.slice(1))]),
  lower(layer, graph) {
    const shape = layer.outputShape(graph.current.shape);
    if (shape.length !== 1) {
      fail("TARGET", {
        where: layer.label,
        expected: "a Flatten of all axes",
        got: `one that leaves ${formatShape(shape)}`,
        hint: "Chips know features and images only: leave out startDim and endDim.",
      });
    }
    graph.add("flatten", { source: layer.path, shape });
  },
};

export const Flatten = layerFactory(flattenDefinition);
