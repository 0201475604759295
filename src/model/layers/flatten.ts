/** Flattens axes to features in C,H,W order (PyTorch's `Flatten`; time and batch stay). */
import { z } from "zod";
import { fail, sizeOf } from "../../core/index.ts";
import { reshape } from "../../tensor/index.ts";
import type { LayerDefinition } from "./define.ts";
import { layerFactory } from "./registry.ts";

const options = z.strictObject({
  startDim: z.int().min(1).default(1).describe("first axis that is merged, counted with the batch as axis 0"),
  endDim: z.int().default(-1).describe("last axis that is merged; negative counts from the end"),
});
export type FlattenOptions = z.infer<typeof options>;

/** First and last merged axis of `[N, ...]`, as places in the shape without the batch. */
function mergedAxes(axes: number, o: FlattenOptions, where: string): [first: number, last: number] {
  const last = (o.endDim < 0 ? o.endDim + axes + 1 : o.endDim) - 1;
  const first = o.startDim - 1;
  if (first > last || last >= axes) {
    fail("SHAPE", { where, expected: `startDim <= endDim within axes 1 to ${axes}`, got: `${o.startDim} to ${o.endDim}` });
  }
  return [first, last];
}

export const flattenDefinition: LayerDefinition<FlattenOptions> = {
  kind: "Flatten",
  summary: "axes to features, in C,H,W order",
  options,
  sees: "stateless",
  shape(input, o, where) {
    const [first, last] = mergedAxes(input.length, o, where);
    return [...input.slice(0, first), sizeOf(input.slice(first, last + 1)), ...input.slice(last + 1)];
  },
  forward: (x, layer) => reshape(x, [x.shape[0]!, ...layer.outputShape(x.shape.slice(1))]),
  lower(layer, graph) {
    const shape = layer.outputShape(graph.current.shape);
    if (shape.length !== 1) {
      fail("TARGET", { where: layer.label, expected: "a Flatten of all axes", got: `startDim ${layer.options.startDim}` });
    }
    graph.add("flatten", { source: layer.path, shape });
  },
};

export const Flatten = layerFactory(flattenDefinition);
