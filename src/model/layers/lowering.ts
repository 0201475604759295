/** What several layers need to lower themselves. */
import { type GraphArray, graphArray } from "../graph.ts";
import type { Layer } from "./layer.ts";

/** A tensor of a layer as an array of the graph. */
export function arrayOf(layer: Layer, name: string): GraphArray {
  const tensor = layer.tensor(name);
  return graphArray(tensor.toArray() as Float32Array, tensor.shape);
}
