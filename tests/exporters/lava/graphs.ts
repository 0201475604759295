/** Small graphs of prepared networks for tests of lowering and rules, with a change for each thing that can be wrong. */
import { type Graph, GraphBuilder, graphArray } from "../../../src/model/index.ts";

export interface Dense {
  weight?: number[];
  bias?: number[] | null;
  neuron?: Record<string, unknown>;
  kind?: string;
}

export const CUBA = { currentDecay: 1, voltageDecay: 0, vThreshold: 1, scale: 64 };

/** Input [2], then one dense block of two neurons. Weights in training units. */
export function denseGraph({
  weight = [0.5, -0.25, 1, 0.125],
  bias = null,
  neuron = {},
  kind = "CubaLIFNode",
}: Dense = {}): Graph {
  const graph = new GraphBuilder(8);
  graph.add("input", { source: "input", shape: [2], form: "sequence", values: "spikes" });
  graph.add("linear", {
    source: "fc",
    shape: [2],
    weight: graphArray(Float32Array.from(weight), [2, 2]),
    bias: bias && graphArray(Float32Array.from(bias), [2]),
  });
  graph.add("neuron", { source: "fc.neuron", shape: [2], neuron: kind, options: { ...CUBA, ...neuron } });
  graph.add("rateOutput", { source: "output", shape: [2] });
  return graph.build();
}

export interface Pool {
  operation: "max" | "avg" | "sum";
  size?: number;
  neuron?: Record<string, unknown>;
  ceilMode?: boolean;
  countIncludePad?: boolean;
  padding?: number;
}

/** Input [2,5,5], then one pool block with windows side by side. */
export function poolGraph({
  operation,
  size = 2,
  neuron = {},
  ceilMode = false,
  countIncludePad = true,
  padding = 0,
}: Pool): Graph {
  const graph = new GraphBuilder(8);
  const round = ceilMode ? Math.ceil : Math.floor;
  const length = round((5 + 2 * padding - size) / size) + 1;
  graph.add("input", { source: "input", shape: [2, 5, 5], form: "sequence", values: "spikes" });
  graph.add("pool", {
    source: "pool",
    shape: [2, length, length],
    operation,
    kernelSize: [size, size],
    stride: [size, size],
    padding: [padding, padding],
    dilation: [1, 1],
    ceilMode,
    countIncludePad,
  });
  graph.add("neuron", {
    source: "pool.neuron",
    shape: [2, length, length],
    neuron: "CubaLIFNode",
    options: { ...CUBA, ...neuron },
  });
  graph.add("rateOutput", { source: "output", shape: [2, length, length] });
  return graph.build();
}

/** A convolution block whose weights are all w, on an image [2,5,5], then flatten. */
export function convGraph(w: number, neuron: Record<string, unknown> = {}): Graph {
  const graph = new GraphBuilder(8);
  graph.add("input", { source: "input", shape: [2, 5, 5], form: "sequence", values: "spikes" });
  graph.add("conv", {
    source: "conv",
    shape: [4, 3, 2],
    weight: graphArray(new Float32Array(4 * 1 * 3 * 2).fill(w), [4, 1, 3, 2]),
    bias: null,
    stride: [2, 3],
    padding: [1, 0],
    dilation: [1, 1],
    groups: 2,
  });
  graph.add("neuron", {
    source: "conv.neuron",
    shape: [4, 3, 2],
    neuron: "CubaLIFNode",
    options: { ...CUBA, ...neuron },
  });
  graph.add("flatten", { source: "flatten", shape: [24] });
  graph.add("rateOutput", { source: "output", shape: [24] });
  return graph.build();
}
