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
export interface ConvTransposeNode extends NodeBase {
  kind: "convTranspose";
  /** `[I, O/groups, k...]` over the spatial axes of the input. */
  weight: GraphArray;
  bias: GraphArray | null;
  stride: number[];
  padding: number[];
  outputPadding: number[];
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
/** The mean of every `size` neighbouring features. */
export interface VotingNode extends NodeBase {
  kind: "voting";
  size: number;
}
export interface NeuronNode extends NodeBase {
  kind: "neuron";
  /** Kind of the neuron definition (`model/neurons`), or of a chip's own neuron, and its options as that definition validates them. */
  neuron: string;
  options: Record<string, unknown>;
  /** Added to the potential of each channel at every step, `[C]`, besides the options' own bias; only a chip's blocks have it. */
  channelBias?: GraphArray;
  /** Options that differ from channel to channel, `[C]` each; `options` hold those of the first channel. Only learned ones can. */
  channelOptions?: Record<string, number[]>;
  /** The neuron reads the network's input itself, as the host prepares it. Only a chip's input blocks have it. */
  hostInput?: HostInput;
  /** What a chip's block did to reach this form, a sentence each, for reports. */
  notes?: string[];
}
/** What the host makes of an input x: q(x) * weight + bias, with q the nearest even multiple of 1/scale in the range of a weight. */
export interface HostInput {
  scale: number;
  weight: number;
  bias: number;
}
/** A neuron over the whole sequence at once: spikes where weight x + bias >= 0, x `[T, ...]`. It has no single step. */
export interface ParallelNeuronNode extends NodeBase {
  kind: "parallelNeuron";
  /** Kind of the layer. */
  neuron: string;
  /** `[T, T]`, row t for step t. */
  weight: GraphArray;
  /** `[T]`, minus the thresholds. */
  bias: GraphArray;
}
export interface DelayNode extends NodeBase {
  kind: "delay";
  /** The largest delay. */
  steps: number;
  /** Delay of each channel `[C]` where they differ. */
  channels?: readonly number[];
}
export interface AddNode extends NodeBase {
  kind: "add";
}
/** The product of two inputs of spikes; `inverted`: (1 - first) times second. */
export interface GateNode extends NodeBase {
  kind: "gate";
  inverted: boolean;
}
export interface RateOutputNode extends NodeBase {
  kind: "rateOutput";
}

export type GraphNode =
  | InputNode
  | LinearNode
  | ConvNode
  | ConvTransposeNode
  | PoolNode
  | BatchNormNode
  | FlattenNode
  | VotingNode
  | NeuronNode
  | ParallelNeuronNode
  | DelayNode
  | AddNode
  | GateNode
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

  /** Makes an earlier node current again: what follows is another branch from it. */
  resume(id: string): void {
    this.#current = this.node(id).id;
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
