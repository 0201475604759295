/** The walk along a graph's nodes that makes the chain: what each kind of node becomes, or why no `.net` file can hold it. */
import { sameShape, sizeOf } from "../../../core/index.ts";
import type { DelayNode, GraphNode, LinearNode, NeuronNode, NodeKind, NodeOf } from "../../../model/index.ts";
import type { Finding } from "../../target.ts";
import { LOADER } from "../file-rules/judge.ts";
import type { Part, SynapseNode } from "./parts.ts";

export interface Links {
  parts: Part[];
  findings: Finding[];
  recurrent: ReadonlyMap<string, LinearNode>;
  /** A synapse that waits for its neuron, with the shape before it and the delays of its inputs. */
  pending: { node: SynapseNode; before: readonly number[]; delays: readonly number[] | null } | null;
  /** A delay that waits for the matrix whose inputs it delays, and the shape of what it delays. */
  delay: { node: DelayNode; shape: readonly number[] } | null;
  /** The node before the one at hand. */
  previous: GraphNode | null;
}

export function newLinks(recurrent: ReadonlyMap<string, LinearNode>): Links {
  return { parts: [], findings: [], recurrent, pending: null, delay: null, previous: null };
}

interface Structural {
  rule: string;
  place: string;
  message: string;
  rewrite: string;
  discrepancy?: number;
}

export function structural({ rule, discrepancy = 28, ...rest }: Structural): Finding {
  return { rule: `loihi/${rule}`, severity: "error", ...rest, source: `${LOADER}; discrepancy ${discrepancy}` };
}

/** Takes up the next node. */
export function link(node: GraphNode, links: Links): void {
  const [first, ...others] = node.inputs;
  if (links.previous && (first !== links.previous.id || others.length > 0) && !REFUSED_BRANCHES.includes(node.kind)) {
    const message = `It reads ${node.inputs.join(" and ")} instead of the layer before it, ${links.previous.id}.`;
    add(links, {
      rule: "layer-order",
      place: node.source,
      message,
      rewrite: "Use one chain of layers without branches.",
    });
  }
  (LINKERS[node.kind] as Linker<NodeKind>)(node as never, links);
  links.previous = node;
}

const REFUSED_BRANCHES: readonly NodeKind[] = ["add", "gate"];

const add = (links: Links, finding: Structural) => links.findings.push(structural(finding));

type Linker<K extends NodeKind> = (node: NodeOf<K>, links: Links) => void;

/** An answer for a node that no `.net` file can hold. */
const refuse =
  (message: string, rewrite: string) =>
  (node: GraphNode, links: Links): void => {
    add(links, { rule: "unsupported-layer", place: node.source, message, rewrite });
  };

/** A synapse that has no neuron when something else than one comes. */
function expectNonePending(links: Links): void {
  const { pending } = links;
  links.pending = null;
  if (!pending) return;
  const message = "Every layer on Loihi has a neuron of its own; this one has none right behind it.";
  const rewrite = "Put a neuron behind it, or merge it into its neighbour.";
  add(links, { rule: "layer-order", place: pending.node.source, message, rewrite });
}

function synapse(node: SynapseNode, links: Links): void {
  expectNonePending(links);
  const delays = node.kind === "linear" ? takeDelay(links) : refuseDelay(node, links);
  links.pending = { node, before: links.previous?.shape ?? [], delays };
}

/** Delays of spikes are delays of the inputs of the matrix behind them, one number for each, or one for all. */
function takeDelay(links: Links): number[] | null {
  const { delay } = links;
  links.delay = null;
  if (!delay) return null;
  const { steps, channels } = delay.node;
  if (!channels) return [steps];
  const pixels = sizeOf(delay.shape) / channels.length;
  return channels.flatMap((count) => new Array<number>(pixels).fill(count));
}

function refuseDelay(node: GraphNode, links: Links): null {
  if (links.delay) {
    const message = `Lava ignores delays at ${node.source} without a word: only dense layers have them.`;
    const rewrite =
      "Put the delay before a Linear, or train without it; a block of the reference slayer has one unless delayShift is false.";
    add(links, { rule: "conv-delay", place: links.delay.node.source, message, rewrite, discrepancy: 23 });
  }
  links.delay = null;
  return null;
}

const LINKERS: { [K in NodeKind]: Linker<K> } = {
  input(node, links) {
    if (links.parts.length === 0) links.parts.push({ kind: "input", node, neuron: null });
    else {
      const message = "There is a second input.";
      add(links, { rule: "layer-order", place: node.source, message, rewrite: "Use one input." });
    }
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
        "netx cannot load a max pool.",
        "Over spikes it is an OR: prepare the network for Loihi, which writes it as a block of its own. Over sums use SumPool2d, or a convolution with a stride.",
      )(node, links);
    } else if (node.kernelSize.length !== 2) {
      refuse("Only pools over images [C,H,W] exist in the format.", "Use SumPool2d.")(node, links);
    }
    synapse(node, links);
  },
  batchNorm: refuse(
    "A batch norm has no place between synapse and neuron.",
    "Prepare the network for Loihi, which folds it into the weights before it.",
  ),
  flatten(node, links) {
    expectNonePending(links);
    if (!sameShape(links.previous?.shape ?? [], node.shape)) links.parts.push({ kind: "flatten", node });
  },
  neuron: linkNeuron,
  convTranspose: refuse(
    "netx has no transposed convolution.",
    "Use Conv2d, or a Flatten and a Linear that gives the larger image.",
  ),
  voting: refuse("The format has no votes between layers.", "Let the host average the outputs, or use a Linear."),
  parallelNeuron: refuse("A parallel neuron sees all steps at once; the chip has one at a time.", "Use CubaLIFNode."),
  gate: refuse("The format has no product of two branches.", "Use one chain of layers, the path without its shortcut."),
  delay(node, links) {
    expectNonePending(links);
    if (links.delay) {
      const message = "There are two delays in a row.";
      add(links, { rule: "layer-order", place: node.source, message, rewrite: "Use one delay.", discrepancy: 25 });
    } else links.delay = { node, shape: links.previous?.shape ?? [] };
  },
  add: refuse("The format has no sum of two branches.", "Use one chain of layers, the path without its shortcut."),
  rateOutput(_, links) {
    expectNonePending(links);
    if (!links.delay) return;
    const { source: place } = links.delay.node;
    const last = links.parts.at(-1);
    if (last?.kind === "block" && last.synapse.kind === "linear" && !last.recurrent) {
      last.outputDelays = takeDelay(links);
      return;
    }
    const message = "A delay behind the last layer has no matrix whose inputs it could delay.";
    const rewrite =
      "Train without it, or end with a Linear; a block of the reference slayer has one unless delayShift is false, and the chip adds that step by itself.";
    add(links, { rule: "output-delay", place, message, rewrite, discrepancy: 30 });
  },
};

function linkNeuron(node: NeuronNode, links: Links): void {
  const { pending, parts } = links;
  links.pending = null;
  const [input] = parts;
  if (node.hostInput && !pending && parts.length === 1 && input?.kind === "input" && !input.neuron && !links.delay) {
    input.neuron = node;
  } else if (!pending || node.hostInput) {
    const message = node.hostInput
      ? "Only the first layer's neurons are fed by the host; these stand further on."
      : "Every layer on Loihi has a synapse; this neuron has none right before it.";
    const rewrite = node.hostInput ? "Begin the network with it." : "Put a Linear, Conv2d or SumPool2d before it.";
    add(links, { rule: "layer-order", place: node.source, message, rewrite });
  } else {
    const recurrent = links.recurrent.get(pending.node.id) ?? null;
    if (recurrent && pending.delays) {
      const message = "Lava computes the currents of a recurrent layer with delays wrongly, or fails on it.";
      const rewrite = "Train without the delay.";
      add(links, { rule: "recurrent-delay", place: pending.node.source, message, rewrite, discrepancy: 24 });
    }
    const { node: synapse, before, delays } = pending;
    const common = { synapse, neuron: node, inputShape: before, recurrent };
    parts.push({ kind: "block", ...common, inputDelays: delays, outputDelays: null });
  }
}
