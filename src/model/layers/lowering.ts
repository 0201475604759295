/** What several layers need to lower themselves. */
import { type GraphArray, graphArray } from "../graph.ts";
import type { Layer } from "./layer.ts";

/** A tensor of a layer as an array of the graph. */
export function arrayOf(layer: Layer<never> | Layer<object>, name: string): GraphArray {
  const tensor = (layer as Layer).tensor(name);
  return graphArray(tensor.toArray() as Float32Array, tensor.shape);
}
