/**
 * A network's graph as the chain of parts that a `.net` file can hold: an input, flattens, and blocks of one synapse and one neuron. What
 * has no place in such a chain becomes a finding with the nearest legal way. It judges structure; the rules judge numbers.
 */
import { formatShape } from "../../../core/index.ts";
import type { Graph, NeuronNode } from "../../../model/index.ts";
import type { Finding, LossyStep } from "../../target.ts";
import { type Links, link, newLinks, structural } from "./link.ts";
import { mergePools } from "./merge-pools.ts";
import { mergeRecurrence } from "./merge-recurrence.ts";
import type { BlockPart, Part } from "./parts.ts";

export interface Chain {
  parts: Part[];
  findings: Finding[];
  /** What was merged into one synapse. */
  merges: LossyStep[];
  /** Steps the network was trained for. */
  steps: number;
}

/** The chain of a graph, with a finding for everything that does not belong into one. */
export function chainOf(graph: Graph): Chain {
  const loops = mergeRecurrence(graph.nodes);
  const { nodes, merges, obstacles } = mergePools(loops.nodes);
  const links = newLinks(loops.recurrent);
  for (const { place, message, rewrite } of obstacles) {
    links.findings.push(structural({ rule: "pool", place, message, rewrite, discrepancy: 14 }));
  }
  for (const node of nodes) link(node, links);
  links.findings.push(...endsOf(links));
  return { parts: links.parts, findings: links.findings, merges: [...loops.merges, ...merges], steps: graph.steps };
}

function endsOf({ parts, previous }: Links): Finding[] {
  const findings: Finding[] = [];
  const order = (place: string, message: string, rewrite: string) =>
    findings.push(structural({ rule: "layer-order", place, message, rewrite }));
  if (parts[0]?.kind !== "input") {
    order("input", "The network does not begin with an input.", "Begin with an input.");
  }
  if (!parts.some(({ kind }) => kind === "block")) {
    const shape = formatShape(previous?.shape ?? []);
    order("output", `No neuron fires behind a synapse; the output ${shape} is the input.`, "Add layers.");
  }
  return findings;
}

/** The blocks of a chain in order. */
export function blocksOf({ parts }: Pick<Chain, "parts">): BlockPart[] {
  return parts.filter((part) => part.kind === "block");
}

/** The neurons of the input, if it has any. */
export function inputNeuronOf({ parts: [first] }: Pick<Chain, "parts">): NeuronNode | null {
  return first?.kind === "input" ? first.neuron : null;
}

/** All neurons in order. */
export function neuronsOf(chain: Pick<Chain, "parts">): NeuronNode[] {
  const first = inputNeuronOf(chain);
  return [...(first ? [first] : []), ...blocksOf(chain).map(({ neuron }) => neuron)];
}
