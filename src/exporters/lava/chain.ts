/**
 * A network's graph as the chain of parts that a `.net` file can hold: an input, flattens, and blocks of one synapse and one neuron. What
 * has no place in such a chain becomes a finding with the nearest legal way. It judges structure; the rules judge numbers.
 */
import { formatShape, sameShape } from "../../core/index.ts";
import type {
  ConvNode,
  FlattenNode,
  Graph,
  GraphNode,
  InputNode,
  LinearNode,
  NeuronNode,
  NodeKind,
  NodeOf,
  PoolNode,
} from "../../model/index.ts";
import type { Finding } from "../target.ts";

export type SynapseNode = ConvNode | LinearNode | PoolNode;

/** A synapse and its neuron: one layer of the file. */
export interface BlockPart {
  kind: "block";
  synapse: SynapseNode;
  neuron: NeuronNode;
  /** Shape of one step of one sample before the synapse. */
  inputShape: readonly number[];
}
export type Part = { kind: "input"; node: InputNode } | { kind: "flatten"; node: FlattenNode } | BlockPart;

export interface Chain {
  parts: Part[];
  findings: Finding[];
  /** Steps the network was trained for. */
  steps: number;
}

const FORMAT = "lava-dl netx/hdf5.py";

interface Links {
  parts: Part[];
  findings: Finding[];
  /** A synapse that waits for its neuron. */
  pending: SynapseNode | null;
  /** The node before the one at hand. */
  previous: GraphNode | null;
  shapeBefore: readonly number[];
}

export function structural(rule: string, place: string, message: string, rewrite: string): Finding {
  return { rule: `loihi/${rule}`, severity: "error", place, message, source: FORMAT, rewrite };
}

type Linker<K extends NodeKind> = (node: NodeOf<K>, links: Links) => void;

/** An answer for a node that no `.net` file can hold. */
const refuse =
  (message: string, rewrite: string) =>
  (node: GraphNode, links: Links): void => {
    links.findings.push(structural("unsupported-layer", node.source, message, rewrite));
  };

function synapse(node: SynapseNode, links: Links): void {
  if (links.pending) unmatched(links);
  links.pending = node;
  links.shapeBefore = links.previous?.shape ?? [];
}

function unmatched(links: Links): void {
  const place = links.pending!.source;
  const message = "Every layer on Loihi has a neuron of its own; this one has none right behind it.";
  links.findings.push(
    structural("layer-order", place, message, "Put a neuron behind it, or merge it into its neighbour."),
  );
}

const LINKERS: { [K in NodeKind]: Linker<K> } = {
  input(node, { parts, findings }) {
    if (parts.length > 0)
      findings.push(structural("layer-order", node.source, "There is a second input.", "Use one input."));
    else parts.push({ kind: "input", node });
  },
  linear: synapse,
  conv(node, links) {
    if (node.weight.shape.length !== 4) {
      refuse(
        "Only convolutions over images [C,H,W] exist in the format.",
        "Use Conv2d, with a height of 1 for sequences.",
      )(node, links);
    }
    synapse(node, links);
  },
  pool(node, links) {
    if (node.operation === "max") {
      refuse(
        "netx cannot load a max pool, and a maximum has no exact equivalent in one layer.",
        "Use SumPool2d followed by a neuron, or a convolution with a stride.",
      )(node, links);
    } else if (node.kernelSize.length !== 2) {
      refuse("Only pools over images [C,H,W] exist in the format.", "Use SumPool2d.")(node, links);
    }
    synapse(node, links);
  },
  batchNorm: refuse(
    "A batch norm has no place between synapse and neuron.",
    "Train without it, or fold it into the weights and train the biases away.",
  ),
  flatten(node, links) {
    if (links.pending) unmatched(links);
    links.pending = null;
    if (!sameShape(links.previous?.shape ?? [], node.shape)) links.parts.push({ kind: "flatten", node });
  },
  neuron(node, links) {
    if (links.pending)
      links.parts.push({ kind: "block", synapse: links.pending, neuron: node, inputShape: links.shapeBefore });
    else {
      const message = "Every layer on Loihi has a synapse; this neuron has none right before it.";
      links.findings.push(
        structural("layer-order", node.source, message, "Put a Linear, Conv2d or SumPool2d before it."),
      );
    }
    links.pending = null;
  },
  convTranspose: refuse("netx has no transposed convolution.", "Use Conv2d."),
  voting: refuse("The format has no votes between layers.", "Let the host average the outputs, or use a Linear."),
  parallelNeuron: refuse("A parallel neuron sees all steps at once; the chip has one at a time.", "Use CubaLIFNode."),
  gate: refuse("The format has no product of two branches.", "Use one chain of layers."),
  delay: refuse("A delay between layers is not written yet.", "Remove it."),
  add: refuse("The format has no sum of two branches.", "Use one chain of layers."),
  rateOutput(_, links) {
    if (links.pending) unmatched(links);
    links.pending = null;
  },
};

/** The chain of a graph, with a finding for everything that does not belong into one. */
export function chainOf(graph: Graph): Chain {
  const links: Links = { parts: [], findings: [], pending: null, previous: null, shapeBefore: [] };
  for (const node of graph.nodes) {
    const [first, ...others] = node.inputs;
    if (links.previous && (first !== links.previous.id || others.length > 0) && node.kind !== "add") {
      const message = `It reads ${node.inputs.join(" and ")} instead of the layer before it, ${links.previous.id}.`;
      links.findings.push(
        structural("layer-order", node.source, message, "Use one chain of layers without branches or recurrence."),
      );
    }
    (LINKERS[node.kind] as Linker<NodeKind>)(node as never, links);
    links.previous = node;
  }
  if (links.parts[0]?.kind !== "input") {
    links.findings.push(
      structural("layer-order", "input", "The network does not begin with an input.", "Begin with an input."),
    );
  }
  if (!links.parts.some(({ kind }) => kind === "block")) {
    const shape = formatShape(links.previous?.shape ?? []);
    links.findings.push(
      structural("layer-order", "output", `No neuron fires; the output ${shape} is the input.`, "Add layers."),
    );
  }
  return { parts: links.parts, findings: links.findings, steps: graph.steps };
}

/** The blocks of a chain in order. */
export function blocksOf(chain: Chain): BlockPart[] {
  return chain.parts.filter((part) => part.kind === "block");
}
