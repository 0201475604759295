/** Random graphs with everything that has a memory: neurons of each kind and reset, residual sums, delays, rates and sequences out. */
import * as fc from "fast-check";
import { type Graph, GraphBuilder, graphArray } from "../../../src/model/index.ts";
import { dyadic } from "./graphs.ts";

const resets = fc.constantFrom(null, 0, -0.25, 0.25);
const membrane = { vThreshold: 1, detachReset: false };

const tau = fc.constantFrom(1.5, 2, 3, 4);
const decayInput = fc.boolean();
const asNeuron =
  (kind: string, given: object = membrane) =>
  (options: object): StepPlan["neurons"][number] => ({ kind, options: { ...given, ...options } });

/** IF and LIF: sums and products of dyadic numbers, the same in every library. */
const plainNeurons = fc.oneof(
  fc.record({ vReset: resets }).map(asNeuron("IFNode")),
  fc.record({ vReset: resets, tau, decayInput }).map(asNeuron("LIFNode")),
);

/** Neurons with more operators or more states. */
const otherNeurons = fc.oneof(
  fc
    .record({ vReset: resets, tau, decayInput, scaleReset: fc.boolean() })
    .map(asNeuron("KLIFNode", { ...membrane, k: 1.5 })),
  fc.record({ vReset: resets, tau }).map(asNeuron("QIFNode", { ...membrane, vRest: 0, vC: 0.75, a0: 1 })),
  fc.record({ vReset: resets, tau }).map(asNeuron("EIFNode", { ...membrane, vRest: 0, thetaRh: 0.75, deltaT: 1 })),
  fc.record({ vReset: resets }).map(asNeuron("CUBALIFNode", { ...membrane, cDecay: 0.5, vDecay: 0.75 })),
);

export interface StepPlan {
  steps: number;
  form: "image" | "sequence";
  /** Features in, or channels and a square. */
  input: "features" | "maps";
  channels: number;
  size: number;
  neurons: { kind: string; options: Record<string, unknown> }[];
  /** How a second branch joins the first: a sum, a product, or the product with one side inverted. */
  residual: "none" | "add" | "and" | "notAnd";
  delay: number;
  pool: boolean;
  batchNorm: boolean;
  /** The second layer's maps come from a transposed convolution. */
  transposed: boolean;
  /** Features that vote for one class. */
  voting: number;
  rates: boolean;
  classes: number;
  seed: number;
}

const plansOf = (neurons: fc.Arbitrary<StepPlan["neurons"][number]>): fc.Arbitrary<StepPlan> =>
  fc.record({
    steps: fc.integer({ min: 1, max: 16 }),
    form: fc.constantFrom("image" as const, "sequence" as const),
    input: fc.constantFrom("features" as const, "maps" as const),
    channels: fc.integer({ min: 1, max: 3 }),
    size: fc.integer({ min: 2, max: 5 }),
    neurons: fc.array(neurons, { minLength: 3, maxLength: 3 }),
    residual: fc.constantFrom("none" as const, "add" as const, "and" as const, "notAnd" as const),
    transposed: fc.boolean(),
    voting: fc.integer({ min: 1, max: 2 }),
    delay: fc.integer({ min: 0, max: 3 }),
    pool: fc.boolean(),
    batchNorm: fc.boolean(),
    rates: fc.boolean(),
    classes: fc.integer({ min: 1, max: 4 }),
    seed: fc.integer({ min: 1, max: 1_000_000 }),
  });

/** Networks of IF and LIF neurons. */
export const stepPlans = plansOf(plainNeurons);
/** Networks of every neuron with a single-step form. */
export const widePlans = plansOf(fc.oneof(plainNeurons, otherNeurons));

export const stepSettings: fc.Arbitrary<StepSettings> = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  axes: fc.constantFrom("layer" as const, "four" as const),
  opset: fc.constantFrom(11 as const, 12 as const),
  neuronForm: fc.constantFrom("shift" as const, "shift" as const, "exact" as const),
  dtype: fc.constantFrom("float32" as const, "float32" as const, "float16" as const),
});

export interface StepSettings {
  batch: number;
  axes: "layer" | "four";
  opset: 11 | 12;
  neuronForm: "shift" | "exact";
  dtype: "float32" | "float16";
}

/** Layer with weights, neuron, [the same again and joined], [delay], [pool], flatten, linear, neuron, [votes], [rates]. */
export function stepGraph(plan: StepPlan): Graph {
  const { channels, size, seed, classes } = plan;
  const graph = new GraphBuilder(plan.steps);
  const maps = plan.input === "maps";
  const shape = maps ? [channels, size, size] : [channels * size];
  graph.add("input", { source: "input", shape: maps ? [1, size, size] : shape, form: plan.form, values: "real" });
  addWeights(graph, "first", shape, seed);
  if (plan.batchNorm && maps) addNorm(graph, shape, seed);
  addNeuron(graph, "spikes1", shape, plan, 0);
  const branch = graph.current.id;
  if (plan.residual !== "none") {
    if (maps && plan.transposed) addTransposed(graph, shape, seed + 3);
    else addWeights(graph, "second", shape, seed + 3);
    addNeuron(graph, "spikes2", shape, plan, 1);
    const inputs = [graph.current.id, branch];
    if (plan.residual === "add") graph.add("add", { source: "sum", shape, inputs });
    else graph.add("gate", { source: "sum", shape, inputs, inverted: plan.residual === "notAnd" });
  }
  // a delay of T steps or more leaves nothing to compare
  const delay = Math.min(plan.delay, plan.steps - 1);
  if (delay > 0) graph.add("delay", { source: "delay", shape, steps: delay });
  const pooled = plan.pool && maps ? [channels, Math.floor(size / 2), Math.floor(size / 2)] : shape;
  if (pooled !== shape) addPool(graph, pooled);
  const features = pooled.reduce((product, n) => product * n, 1);
  if (pooled.length > 1) graph.add("flatten", { source: "flatten", shape: [features] });
  const voters = classes * plan.voting;
  addWeights(graph, "last", [voters], seed + 5);
  addNeuron(graph, "spikes3", [voters], plan, 2);
  if (plan.voting > 1) graph.add("voting", { source: "votes", shape: [classes], size: plan.voting });
  if (plan.rates) graph.add("rateOutput", { source: "output", shape: [classes] });
  return graph.build();
}

function addNeuron(graph: GraphBuilder, source: string, shape: number[], { neurons }: StepPlan, index: number): void {
  const { kind, options } = neurons[index]!;
  graph.add("neuron", { source, shape, neuron: kind, options });
}

function addWeights(graph: GraphBuilder, source: string, shape: number[], seed: number): void {
  const from = graph.current.shape;
  if (shape.length === 1) {
    const sizes = [shape[0]!, from[0]!];
    graph.add("linear", {
      source,
      shape,
      weight: graphArray(dyadic(sizes[0]! * sizes[1]!, seed), sizes),
      bias: seed % 2 ? graphArray(dyadic(shape[0]!, seed + 1), [shape[0]!]) : null,
    });
    return;
  }
  const sizes = [shape[0]!, from[0]!, 3, 3];
  graph.add("conv", {
    source,
    shape,
    weight: graphArray(dyadic(sizes[0]! * sizes[1]! * 9, seed), sizes),
    bias: seed % 2 ? graphArray(dyadic(shape[0]!, seed + 1), [shape[0]!]) : null,
    stride: [1, 1],
    padding: [1, 1],
    dilation: [1, 1],
    groups: 1,
  });
}

function addTransposed(graph: GraphBuilder, shape: number[], seed: number): void {
  const channels = shape[0]!;
  const sizes = [channels, channels, 3, 3];
  graph.add("convTranspose", {
    source: "second",
    shape,
    weight: graphArray(dyadic(channels * channels * 9, seed), sizes),
    bias: graphArray(dyadic(channels, seed + 1), [channels]),
    stride: [1, 1],
    padding: [1, 1],
    outputPadding: [0, 0],
    dilation: [1, 1],
    groups: 1,
  });
}

/** sigma is 2 and gamma a power of two, so that folding is exact. */
function addNorm(graph: GraphBuilder, shape: number[], seed: number): void {
  const channels = [shape[0]!];
  const filled = (value: number) => graphArray(new Float32Array(channels[0]!).fill(value), channels);
  graph.add("batchNorm", {
    source: "norm",
    shape,
    mean: graphArray(dyadic(channels[0]!, seed + 7), channels),
    variance: filled(3.75),
    weight: filled(2),
    bias: graphArray(dyadic(channels[0]!, seed + 8), channels),
    epsilon: 0.25,
  });
}

function addPool(graph: GraphBuilder, shape: number[]): void {
  graph.add("pool", {
    source: "pool",
    shape,
    operation: "max",
    kernelSize: [2, 2],
    stride: [2, 2],
    padding: [0, 0],
    dilation: [1, 1],
    ceilMode: false,
    countIncludePad: true,
  });
}
