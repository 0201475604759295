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

/** Input [2], a dense block, and what is put between and behind it and a second dense block of three neurons. */
export function twoBlocks({ first = {}, second = {}, delay, recurrent = false }: TwoBlocks = {}): Graph {
  const graph = new GraphBuilder(8);
  const block = (source: string, inputs: number, outputs: number, neuron: Record<string, unknown>) => {
    const matrix = (rows: number, columns: number) =>
      graphArray(
        Float32Array.from({ length: rows * columns }, (_, i) => (i % 3 === 0 ? -0.25 : 0.5)),
        [rows, columns],
      );
    const shape = [outputs];
    graph.add("linear", { source, shape, weight: matrix(outputs, inputs), bias: null });
    const back = recurrent && source === "b";
    const drive = graph.current;
    if (back) {
      graph.add("linear", { source: "b.recurrent", shape, weight: matrix(outputs, outputs), bias: null });
      graph.add("add", { source: "b.sum", shape, inputs: [drive.id, graph.current.id] });
    }
    graph.add("neuron", { source: `${source}.neuron`, shape, neuron: "CubaLIFNode", options: { ...CUBA, ...neuron } });
    if (back) graph.nodes.find((node) => node.source === "b.recurrent")!.inputs = [graph.current.id];
  };
  graph.add("input", { source: "input", shape: [2], form: "sequence", values: "spikes" });
  block("a", 2, 2, first);
  if (delay) graph.add("delay", { source: "delay", shape: [2], ...delay });
  block("b", 2, 3, second);
  graph.add("rateOutput", { source: "output", shape: [3] });
  return graph.build();
}

export interface TwoBlocks {
  first?: Record<string, unknown>;
  second?: Record<string, unknown>;
  delay?: { steps: number; channels?: number[] };
  /** The second block sees its own spikes. */
  recurrent?: boolean;
}

export interface SigmaDeltaGraph {
  scale?: number;
  weight?: number;
  bias?: number[];
  part?: string;
  hostWeight?: number;
}

/** Real input [2], its delta neurons, and one block of two sigma-delta neurons. */
export function sigmaDeltaGraph({
  scale = 64,
  weight = 0.5,
  bias,
  part = "sigmaDelta",
  hostWeight = 1,
}: SigmaDeltaGraph = {}): Graph {
  const graph = new GraphBuilder(8);
  const neuron = (source: string, options: Record<string, unknown>, more: object = {}) =>
    graph.add("neuron", {
      source,
      shape: [2],
      neuron: "SigmaDelta",
      options: { threshold: 0.125, scale, ...options },
      ...more,
    });
  graph.add("input", { source: "input", shape: [2], form: "sequence", values: "real" });
  neuron("input.neuron", { part: "delta" }, { hostInput: { scale, weight: hostWeight, bias: 0 } });
  const weights = graphArray(Float32Array.of(weight, -weight, weight, weight), [2, 2]);
  graph.add("linear", { source: "fc", shape: [2], weight: weights, bias: null });
  neuron("fc.neuron", { part }, bias ? { channelBias: graphArray(Float32Array.from(bias), [2]) } : {});
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
