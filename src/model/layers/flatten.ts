/** Flattens an image to features in C,H,W order (PyTorch's `Flatten` from axis 1: time and batch stay). */
import { z } from "zod";
import { sizeOf } from "../../core/index.ts";
import { flatten } from "../../tensor/index.ts";
import type { LayerDefinition } from "./define.ts";
import { layerFactory } from "./registry.ts";

const options = z.strictObject({});
export type FlattenOptions = z.infer<typeof options>;

export const flattenDefinition: LayerDefinition<FlattenOptions> = {
  kind: "Flatten",
  summary: "image to features, in C,H,W order",
  options,
  sees: "stateless",
  shape: (input) => [sizeOf(input)],
  forward: (x) => flatten(x, 1),
  lower(layer, graph) {
    graph.add("flatten", { source: layer.path, shape: layer.outputShape(graph.current.shape) });
  },
};

export const Flatten = layerFactory(flattenDefinition);
