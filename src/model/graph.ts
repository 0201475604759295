/**
 * The chip-neutral graph: what every network lowers to and every exporter reads. A closed set of node kinds over plain arrays.
 * Shapes are those of one time-step of one sample (`[C,H,W]` or `[F]`); time and batch are not part of the graph.
 * A node runs once per time-step. Recurrence would be an input that names a later node, read with one step of delay.
 */
import { fail, type Shape, sizeOf } from "../core/index.ts";

/** Numbers of a graph in row-major order. */
export interface GraphArray {
  shape: Shape;
  data: Float32Array;
}

/** How samples enter: an image repeated at every step, or a sequence that already has a time axis. */
export type InputForm = "image" | "sequence";
/** `spikes`: only 0 and 1 arrive. `real`: any number. */
export type InputValues = "spikes" | "real";

interface NodeBase {
  /** Unique in its graph, letters, digits, `_` and `.`. */
  id: string;
  /** Ids of the nodes it reads. */
  inputs: string[];
  /** Output shape of one step of one sample. */
  shape: Shape;
  /** Path of the layer it came from, for messages. */
  source: string;
}

export interface InputNode extends NodeBase {
  kind: "input";
  form: InputForm;
  values: InputValues;
}
export interface LinearNode extends NodeBase {
  kind: "linear";
  /** `[O, I]` */
  weight: GraphArray;
  /** `[O]` */
  bias: GraphArray | null;
}
export interface ConvNode extends NodeBase {
  kind: "conv";
  /** `[O, I/groups, k...]` over the spatial axes of the input. */
  weight: GraphArray;
  bias: GraphArray | null;
  stride: number[];
  padding: number[];
  dilation: number[];
  groups: number;
}
export interface PoolNode extends NodeBase {
  kind: "pool";
  operation: "max" | "avg" | "sum";
  kernelSize: number[];
  stride: number[];
  padding: number[];
  dilation: number[];
  ceilMode: boolean;
  countIncludePad: boolean;
}
export interface BatchNormNode extends NodeBase {
  kind: "batchNorm";
  /** Statistics and affine parameters, `[C]` each. */
  mean: GraphArray;
  variance: GraphArray;
  weight: GraphArray | null;
  bias: GraphArray | null;
  epsilon: number;
}
export interface FlattenNode extends NodeBase {
  kind: "flatten";
}
export interface NeuronNode extends NodeBase {
  kind: "neuron";
  /** Kind of the neuron definition (`model/neurons`), and its options as that definition validates them. */
  neuron: string;
  options: Record<string, unknown>;
}
export interface DelayNode extends NodeBase {
  kind: "delay";
  steps: number;
}
export interface AddNode extends NodeBase {
  kind: "add";
}
export interface RateOutputNode extends NodeBase {
  kind: "rateOutput";
}

export type GraphNode =
  | InputNode
  | LinearNode
  | ConvNode
  | PoolNode
  | BatchNormNode
  | FlattenNode
  | NeuronNode
  | DelayNode
  | AddNode
  | RateOutputNode;

export type NodeKind = GraphNode["kind"];

/** The node type of a kind, for exhaustive tables: `{ [K in NodeKind]: (node: NodeOf<K>) => ... }`. */
export type NodeOf<K extends NodeKind> = Extract<GraphNode, { kind: K }>;

export interface Graph {
  /** In an order in which every node comes after those it reads. */
  nodes: GraphNode[];
  /** Number of time-steps T the network was trained for. */
  steps: number;
}

type NodeFacts<K extends NodeKind> = Omit<NodeOf<K>, keyof NodeBase | "kind"> &
  Partial<Pick<NodeBase, "inputs">> & {
    shape: Shape;
    source: string;
  };

/** Builds a graph node by node; `current` is what the next node reads unless it names its inputs. */
export class GraphBuilder {
  readonly nodes: GraphNode[] = [];
  #current = "";

  constructor(readonly steps: number) {}

  get current(): GraphNode {
    return this.node(this.#current);
  }

  node(id: string): GraphNode {
    const found = this.nodes.find((node) => node.id === id);
    return found ?? fail("STATE", { where: "graph", expected: `a node "${id}"`, got: "none" });
  }

  /** Appends a node behind the current one (or behind `inputs`) and makes it current. */
  add<K extends NodeKind>(kind: K, facts: NodeFacts<K>): void {
    const id = this.uniqueId(facts.source, kind);
    const inputs = facts.inputs ?? (this.#current === "" ? [] : [this.#current]);
    this.nodes.push({ ...facts, kind, id, inputs } as unknown as GraphNode);
    this.#current = id;
  }

  private uniqueId(source: string, kind: string): string {
    const stem = `${source || "network"}.${kind}`.replace(/[^A-Za-z0-9_.]/g, "_");
    let id = stem;
    for (let n = 2; this.nodes.some((node) => node.id === id); n++) id = `${stem}_${n}`;
    return id;
  }

  build(): Graph {
    return { nodes: this.nodes, steps: this.steps };
  }
}

/** The node that nothing reads: the graph's output. */
export function outputNode(graph: Graph): GraphNode {
  return graph.nodes.at(-1) ?? fail("STATE", { where: "graph", expected: "at least one node", got: "none" });
}

/** An array of a graph; throws when the number of elements does not fit. */
export function graphArray(data: Float32Array, shape: Shape): GraphArray {
  if (data.length !== sizeOf(shape)) {
    fail("SHAPE", { where: "graph array", expected: `${sizeOf(shape)} numbers`, got: `${data.length}` });
  }
  return { data, shape };
}
