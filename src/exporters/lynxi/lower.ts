/**
 * Lowers the chip-neutral graph to an ONNX model in the whole-sequence style: time is folded into the batch ([T*N, ...], row t*N+n is
 * step t of sample n) and every neuron layer is unrolled over T. No value has more than four dimensions and every shape is a number.
 * The style follows SpikingJelly's lynxi_exchange.py, whose graphs ran on a KA200 chip.
 */
import { fail, formatShape, nearestName, sizeOf } from "../../core/index.ts";
import {
  type Graph,
  type GraphNode,
  type InputForm,
  type InputValues,
  type NodeKind,
  outputNode,
} from "../../model/index.ts";
import type { LossyStep } from "../target.ts";
import {
  type Flow,
  LoweringContext,
  type NeuronFacts,
  type NeuronForm,
  type NodeLowering,
  type NodeLowerings,
  type Refusal,
} from "./lowering/context.ts";
import { foldBatchNorms } from "./lowering/fold-batch-norm.ts";
import { LOWERINGS } from "./lowering/lower-nodes.ts";
import { OnnxBuilder, type RoundingRecord } from "./onnx/onnx-builder.ts";
import type { OnnxModel } from "./onnx/onnx-model.ts";
import type { StepFacts } from "./step/facts.ts";

export interface LoweringOptions {
  /** Samples N in one call of the graph. Default 1: on the chip, more go through `run_batch`. */
  batch?: number;
  /** Default 12. Lyngor has been seen with 11; 12 has GreaterOrEqual, 11 writes it as Not of Less. */
  opset?: 11 | 12;
  /** How the graph's values are typed. Default float32: no public example compiles a graph typed float16. */
  dtype?: "float32" | "float16";
  /**
   * How a hard reset to another potential than 0 is written. `shift` (default): seen from the reset potential, which starts at 0 and rounds
   * nothing more. `exact`: literally, with the terms of the reset potential.
   */
  neuronForm?: NeuronForm;
  /** `rate` (default): means over time, `[N, F]`. `spikes`: the output of every step, `[T*N, ...]`. */
  output?: "rate" | "spikes";
  /** Paths of layers whose outputs `[T*N, ...]` the graph gives too, behind its own. */
  taps?: readonly string[];
  /** Default true. False keeps each batch norm as an operator with its own rounding. */
  foldBatchNorm?: boolean;
}

/** What became of one node of the network's graph. */
export interface LoweredLayer {
  /** Path of the layer. */
  layer: string;
  kind: NodeKind;
  /** Names of the ONNX nodes it was written as, also of those that were pruned later. */
  nodes: string[];
  /** One step of one sample. */
  shape: number[];
  neuron: NeuronFacts | null;
}

export interface Lowering {
  model: OnnxModel;
  steps: number;
  batch: number;
  form: InputForm;
  /** Shape of one step of one sample at the input. */
  inputShape: number[];
  inputValues: InputValues;
  /** True: the output is `[N, F]`. False: a sequence `[T*N, ...]`. */
  ratesOut: boolean;
  layers: LoweredLayer[];
  lossy: LossyStep[];
  /** Every rounding that changed a number, with counts of overflow and loss. */
  roundings: RoundingRecord[];
  /** Only of a graph that is one time-step (`step/`): its states, and what its output means. */
  step?: StepFacts;
}

/** Every node that the chip cannot hold, with the reason. Empty: the graph can be lowered. */
export function refusals(graph: Graph, lowerings: NodeLowerings = LOWERINGS): { node: GraphNode; refusal: Refusal }[] {
  const byId = new Map(graph.nodes.map((node) => [node.id, node]));
  return graph.nodes.flatMap((node) => {
    const inputs = node.inputs.flatMap((id) => byId.get(id) ?? []);
    const refusal = answer(lowerings, node.kind).refuse(node as never, inputs);
    return refusal ? [{ node, refusal }] : [];
  });
}

/**
 * The graph as an ONNX model with static T and N, numbers rounded to float16 once. `lowerings`: another answer for some kinds of nodes.
 * @throws TARGET naming the layer when the chip cannot hold it, VALUE when a weight is not finite.
 */
export function lowerGraph(
  graph: Graph,
  options: LoweringOptions = {},
  lowerings: NodeLowerings = LOWERINGS,
): Lowering {
  const {
    batch = 1,
    opset = 12,
    dtype = "float32",
    foldBatchNorm = true,
    neuronForm = "shift",
    output = "rate",
  } = options;
  if (!Number.isInteger(batch) || batch < 1) {
    fail("OPTION", { where: "Lynxi export: batch", expected: "a whole number from 1", got: `${batch}` });
  }
  const [refused] = refusals(graph, lowerings);
  if (refused) failRefused(refused.node, refused.refusal);
  const wanted = output === "spikes" ? withoutRates(graph) : graph;
  const { graph: folded, folds } = foldBatchNorm ? foldBatchNorms(wanted) : { graph: wanted, folds: [] };
  const input = folded.nodes.find((node) => node.kind === "input");
  if (!input) fail("STATE", { where: "graph", expected: "an input node", got: "none" });
  refuseNonFinite(folded);
  const builder = new OnnxBuilder("network", { opset, float: dtype });
  const context = new LoweringContext(builder, folded.steps, batch, neuronForm);
  const { layers, output: last } = lowerNodes(folded, context, lowerings, options.taps ?? []);
  refuseOverflow(builder.roundings);
  const lossy = builder.roundings.map(({ place, change }) => ({
    place,
    what: "rounded to float16",
    count: change.count,
    largestChange: change.largestChange,
  }));
  return {
    model: builder.build(),
    steps: folded.steps,
    batch,
    form: input.form,
    inputShape: [...input.shape],
    inputValues: input.values,
    ratesOut: !last.timed,
    layers,
    lossy: [...folds, ...lossy],
    roundings: builder.roundings,
  };
}

function lowerNodes(
  graph: Graph,
  context: LoweringContext,
  lowerings: NodeLowerings,
  taps: readonly string[],
): { layers: LoweredLayer[]; output: Flow } {
  const { builder } = context;
  const flows = new Map<string, Flow>();
  const layers: LoweredLayer[] = [];
  for (const node of graph.nodes) {
    const before = builder.nodeNames.length;
    const inputs = node.inputs.map(
      (id) =>
        flows.get(id) ??
        fail("STATE", { where: `graph node ${node.id}`, expected: `a node "${id}" before it`, got: "none" }),
    );
    const flow = answer(lowerings, node.kind).lower(node as never, inputs, context);
    expectSize(node, flow);
    flows.set(node.id, flow);
    layers.push({
      layer: node.source,
      kind: node.kind,
      nodes: builder.nodeNames.slice(before),
      shape: flow.shape,
      neuron: context.neurons.get(node.id) ?? null,
    });
  }
  const end = outputNode(graph);
  const output = end.kind === "rateOutput" ? flows.get(end.id)! : context.timed(flows.get(end.id)!, "output.repeat");
  builder.output(output.value);
  for (const path of taps) tap(path, graph, flows, context);
  return { layers, output };
}

/** The output of a layer as an output of the graph. A batch norm that was folded away has the output of the layer it is in. */
function tap(path: string, graph: Graph, flows: ReadonlyMap<string, Flow>, context: LoweringContext): void {
  const node = graph.nodes.findLast(({ source, kind }) => source === path && kind !== "rateOutput");
  if (!node) {
    const known = [...new Set(graph.nodes.map(({ source }) => source))];
    const near = nearestName(path, known);
    fail("OPTION", {
      where: "Lynxi export: taps",
      expected: `paths of layers with an output of their own: ${known.join(", ")}`,
      got: `"${path}"`,
      ...(near ? { hint: `Did you mean "${near}"?` } : {}),
    });
  }
  const { value } = context.timed(flows.get(node.id)!, `${node.id}.tap`);
  if (!context.builder.outputs.includes(value.name)) context.builder.output(value);
}

/** The same network, which ends in its last layer instead of the mean over time. */
function withoutRates(graph: Graph): Graph {
  return outputNode(graph).kind === "rateOutput" ? { ...graph, nodes: graph.nodes.slice(0, -1) } : graph;
}

function failRefused(node: GraphNode, { expected, got, hint, rule }: Refusal): never {
  fail("TARGET", { where: `Lynxi: ${node.kind} "${node.source}"`, expected, got, hint: `${hint} (${rule})` });
}

/** The table entry of a kind. The node's own kind picks it, so node and entry always fit; TypeScript cannot follow that. */
function answer(lowerings: NodeLowerings, kind: NodeKind): NodeLowering<never> {
  return lowerings[kind] as NodeLowering<never>;
}

function expectSize(node: GraphNode, flow: Flow): void {
  if (sizeOf(flow.shape) !== sizeOf(node.shape)) {
    fail("SHAPE", {
      where: `Lynxi: ${node.kind} "${node.source}"`,
      expected: formatShape(node.shape),
      got: formatShape(flow.shape),
    });
  }
}

function refuseNonFinite(graph: Graph): void {
  for (const node of graph.nodes) {
    for (const [name, array] of Object.entries(node)) {
      const data = (array as { data?: unknown } | null)?.data;
      if (!(data instanceof Float32Array)) continue;
      const at = data.findIndex((value) => !Number.isFinite(value));
      if (at < 0) continue;
      fail("VALUE", {
        where: `${node.kind} "${node.source}" ${name}[${at}]`,
        expected: "a finite number",
        got: `${data[at]}`,
        hint: "Training diverged: train again with a smaller learning rate.",
      });
    }
  }
}

function refuseOverflow(roundings: readonly RoundingRecord[]): void {
  const record = roundings.find(({ change }) => change.overflowed > 0);
  if (!record) return;
  fail("TARGET", {
    where: `Lynxi: ${record.place}`,
    expected: "numbers that float16 holds (up to 65504)",
    got: `${record.change.overflowed} of ${record.numbers} above that`,
    hint: "Rescale the weights and thresholds of this layer.",
  });
}
