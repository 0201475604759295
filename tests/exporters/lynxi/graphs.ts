/**
 * Small random graphs for tests, and a direct loop that computes them. Weights, inputs and batch norms are dyadic numbers, so that every sum
 * inside an operator is exact in float32 and its order cannot matter: whoever computes the graph must get the same bits.
 */
import { f16round } from "@petamoriken/float16";
import type {
  BatchNormNode,
  ConvNode,
  Graph,
  GraphNode,
  LinearNode,
  NeuronNode,
  PoolNode,
} from "../../../src/model/index.ts";
import { GraphBuilder, graphArray, initialState, neuronDefinition, shiftedOptions } from "../../../src/model/index.ts";
import { float64Words, numberWords } from "../../../src/model/neurons/targets/number.ts";

export interface GraphPlan {
  steps: number;
  form: "image" | "sequence";
  channels: number;
  size: number;
  groups: number;
  batchNorm: boolean;
  pool: "none" | "max" | "avg" | "sum";
  bias: boolean;
  neuron: { kind: string; options: Record<string, unknown> };
  classes: number;
  seed: number;
}

/** Multiples of 1/64 from -0.3 to 0.7, more positive than not so that neurons fire (Park and Miller's generator: any spread will do). */
export function dyadic(count: number, seed: number, scale = 64): Float32Array {
  let state = (seed % 2147483646) + 1;
  return Float32Array.from({ length: count }, () => {
    state = (state * 48271) % 2147483647;
    return Math.round((state / 2147483647 - 0.3) * scale) / scale;
  });
}

/** Image or sequence of multiples of 1/16 in [0,1]. */
export function dyadicInput(count: number, seed: number): Float32Array {
  return dyadic(count, seed, 16).map((value) => Math.min(1, Math.abs(value) * 2));
}

/** conv, [batch norm], neuron, [pool], flatten, linear, neuron, rates. */
export function planGraph(plan: GraphPlan): Graph {
  const { channels, size, groups, classes, seed } = plan;
  const graph = new GraphBuilder(plan.steps);
  const input = groups;
  graph.add("input", { source: "input", shape: [input, size, size], form: plan.form, values: "real" });
  const maps = [channels * groups, size, size];
  graph.add("conv", {
    source: "conv",
    shape: maps,
    weight: graphArray(dyadic(maps[0]! * 9, seed), [maps[0]!, 1, 3, 3]),
    bias: plan.bias ? graphArray(dyadic(maps[0]!, seed + 1), [maps[0]!]) : null,
    stride: [1, 1],
    padding: [1, 1],
    dilation: [1, 1],
    groups,
  });
  if (plan.batchNorm) addBatchNorm(graph, maps, seed);
  graph.add("neuron", { source: "spikes1", shape: maps, neuron: plan.neuron.kind, options: plan.neuron.options });
  const pooled = plan.pool === "none" ? maps : [maps[0]!, Math.floor(size / 2), Math.floor(size / 2)];
  if (plan.pool !== "none") addPool(graph, pooled, plan.pool);
  const features = pooled.reduce((product, n) => product * n, 1);
  graph.add("flatten", { source: "flatten", shape: [features] });
  graph.add("linear", {
    source: "linear",
    shape: [classes],
    weight: graphArray(dyadic(classes * features, seed + 2), [classes, features]),
    bias: plan.bias ? graphArray(dyadic(classes, seed + 3), [classes]) : null,
  });
  graph.add("neuron", { source: "spikes2", shape: [classes], neuron: plan.neuron.kind, options: plan.neuron.options });
  graph.add("rateOutput", { source: "output", shape: [classes] });
  return graph.build();
}

/** sigma is 1 or 2 (variance + epsilon is 1 or 4) and gamma a power of two, so that folding is exact. */
function addBatchNorm(graph: GraphBuilder, shape: number[], seed: number): void {
  const channels = [shape[0]!];
  const vector = (value: (c: number) => number) =>
    graphArray(
      Float32Array.from({ length: channels[0]! }, (_, c) => value(c)),
      channels,
    );
  graph.add("batchNorm", {
    source: "norm",
    shape,
    mean: graphArray(dyadic(channels[0]!, seed + 4), channels),
    variance: vector((c) => (c % 2 ? 3.75 : 0.75)),
    weight: vector((c) => (c % 3 ? 1 : 2)),
    bias: graphArray(dyadic(channels[0]!, seed + 5), channels),
    epsilon: 0.25,
  });
}

function addPool(graph: GraphBuilder, shape: number[], operation: "max" | "avg" | "sum"): void {
  graph.add("pool", {
    source: "pool",
    shape,
    operation,
    kernelSize: [2, 2],
    stride: [2, 2],
    padding: [0, 0],
    dilation: [1, 1],
    ceilMode: false,
    countIncludePad: true,
  });
}

export type Precision = "float32" | "float16";

export interface DirectRun {
  rates: number[];
  /** Spikes `[T][elements]` of each neuron node, by source. */
  spikes: Map<string, number[][]>;
}

/**
 * Computes a graph for one sample, step by step, as the architecture defines it: nodes in order, once per step, one rounding per
 * operator. `input`: the values of each step. Neurons are the number target; in float16 seen from their reset potential.
 */
export function directRun(graph: Graph, input: readonly (readonly number[])[], precision: Precision): DirectRun {
  const round = precision === "float16" ? f16round : Math.fround;
  const spikes = new Map<string, number[][]>();
  const states = new Map<string, Record<string, number>[]>();
  let output: number[][] = [];
  for (let t = 0; t < graph.steps; t++) {
    const values = new Map<string, number[]>();
    for (const node of graph.nodes) {
      const x = values.get(node.inputs[0] ?? "") ?? [];
      const shape = graph.nodes.find(({ id }) => id === node.inputs[0])?.shape ?? [];
      if (node.kind === "neuron") {
        const fired = stepNeuron(node, x, states, precision);
        spikes.set(node.source, [...(spikes.get(node.source) ?? []), fired]);
        values.set(node.id, fired);
      } else if (node.kind === "rateOutput") output = [...output, x];
      else values.set(node.id, node.kind === "input" ? input[t]!.map(round) : stateless(node, x, [...shape], round));
    }
  }
  const rates = output[0]!.map((_, k) => round(output.reduce((sum, step) => sum + step[k]!, 0) / graph.steps));
  return { rates, spikes };
}

function stepNeuron(
  node: NeuronNode,
  x: number[],
  states: Map<string, Record<string, number>[]>,
  precision: Precision,
): number[] {
  const reading = precision === "float16" ? "half" : "float32";
  const options = precision === "float16" ? (shiftedOptions(node.neuron, node.options) ?? node.options) : node.options;
  const definition = neuronDefinition(node.neuron);
  const words = numberWords(reading);
  const exact = definition.derive(float64Words, options, {});
  const parameters = Object.fromEntries(Object.entries(exact).map(([name, value]) => [name, words.constant(value)]));
  const before = states.get(node.id) ?? x.map(() => initialState(node.neuron, options));
  const results = x.map((value, i) =>
    definition.step(words, { x: value, state: before[i]! }, parameters, definition.flagsOf(options)),
  );
  states.set(
    node.id,
    results.map(({ state }) => state),
  );
  return results.map(({ spike }) => spike!);
}

function stateless(node: GraphNode, x: number[], shape: number[], round: (value: number) => number): number[] {
  if (node.kind === "conv") return convolve(node, x, shape).map(round);
  if (node.kind === "linear") return multiply(node, x).map(round);
  if (node.kind === "batchNorm") return normalize(node, x).map(round);
  if (node.kind === "pool") return pool(node, x, shape).map(round);
  return x;
}

function convolve(node: ConvNode, x: number[], [, height = 0, width = 0]: number[]): number[] {
  const [outputs = 0, perGroup = 0, kernelHeight = 0, kernelWidth = 0] = node.weight.shape;
  const [, outHeight = 0, outWidth = 0] = node.shape;
  const result: number[] = [];
  for (let o = 0; o < outputs; o++) {
    const group = Math.floor(o / (outputs / node.groups));
    for (let row = 0; row < outHeight; row++) {
      for (let column = 0; column < outWidth; column++) {
        let sum = node.bias?.data[o] ?? 0;
        for (let c = 0; c < perGroup; c++) {
          for (let i = 0; i < kernelHeight; i++) {
            for (let j = 0; j < kernelWidth; j++) {
              const y = row * node.stride[0]! - node.padding[0]! + i * node.dilation[0]!;
              const z = column * node.stride[1]! - node.padding[1]! + j * node.dilation[1]!;
              if (y < 0 || y >= height || z < 0 || z >= width) continue;
              const value = x[((group * perGroup + c) * height + y) * width + z]!;
              sum += value * node.weight.data[((o * perGroup + c) * kernelHeight + i) * kernelWidth + j]!;
            }
          }
        }
        result.push(sum);
      }
    }
  }
  return result;
}

function multiply(node: LinearNode, x: number[]): number[] {
  const [outputs = 0, inputs = 0] = node.weight.shape;
  return Array.from({ length: outputs }, (_, o) =>
    x.reduce((sum, value, i) => sum + value * node.weight.data[o * inputs + i]!, node.bias?.data[o] ?? 0),
  );
}

function normalize(node: BatchNormNode, x: number[]): number[] {
  const perChannel = x.length / node.mean.data.length;
  return x.map((value, i) => {
    const c = Math.floor(i / perChannel);
    const sigma = Math.sqrt(node.variance.data[c]! + node.epsilon);
    return ((value - node.mean.data[c]!) / sigma) * (node.weight?.data[c] ?? 1) + (node.bias?.data[c] ?? 0);
  });
}

function pool(node: PoolNode, x: number[], [channels = 0, height = 0, width = 0]: number[]): number[] {
  const [, outHeight = 0, outWidth = 0] = node.shape;
  const [kernelHeight = 0, kernelWidth = 0] = node.kernelSize;
  const result: number[] = [];
  for (let c = 0; c < channels; c++) {
    for (let row = 0; row < outHeight; row++) {
      for (let column = 0; column < outWidth; column++) {
        const window: number[] = [];
        for (let i = 0; i < kernelHeight; i++) {
          for (let j = 0; j < kernelWidth; j++) {
            const y = row * node.stride[0]! - node.padding[0]! + i * node.dilation[0]!;
            const z = column * node.stride[1]! - node.padding[1]! + j * node.dilation[1]!;
            if (y >= 0 && y < height && z >= 0 && z < width) window.push(x[(c * height + y) * width + z]!);
          }
        }
        const sum = window.reduce((total, value) => total + value, 0);
        const area = node.countIncludePad ? kernelHeight * kernelWidth : window.length;
        result.push(node.operation === "max" ? Math.max(...window) : node.operation === "sum" ? sum : sum / area);
      }
    }
  }
  return result;
}
