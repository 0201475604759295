/**
 * A recurrent block as one synapse with two matrices: netx's `dense_rec` adds both inside the layer. In the graph it is a sum of what comes
 * from the layer before and of what comes, one step later, from the block's own neurons.
 */
import type { GraphNode, LinearNode } from "../../../model/index.ts";
import type { LossyStep } from "../../target.ts";

export interface MergedRecurrence {
  nodes: GraphNode[];
  /** Matrices of blocks that see their own spikes, by the id of the synapse that drives them. */
  recurrent: Map<string, LinearNode>;
  /** A line for each. */
  merges: LossyStep[];
}

/** The nodes without the sums and the matrices that lead back. */
export function mergeRecurrence(nodes: readonly GraphNode[]): MergedRecurrence {
  const recurrent = new Map<string, LinearNode>();
  const removed = new Map<string, string>();
  const merges: LossyStep[] = [];
  for (const sum of nodes) {
    if (sum.kind !== "add") continue;
    const [drive, back] = sum.inputs.map((id) => nodes.find((node) => node.id === id));
    const leadsBack = nodes.some(
      (node) => node.kind === "neuron" && back?.inputs[0] === node.id && node.inputs[0] === sum.id,
    );
    if (drive?.kind !== "linear" || back?.kind !== "linear" || back.bias || !leadsBack) continue;
    recurrent.set(drive.id, back);
    removed.set(sum.id, drive.id).set(back.id, drive.id);
    const what = `${drive.source} and ${back.source} written as one recurrent layer, exact`;
    merges.push({ place: sum.source, what, count: back.weight.data.length, largestChange: 0 });
  }
  return {
    nodes: nodes
      .filter(({ id }) => !removed.has(id))
      .map((node) => ({ ...node, inputs: node.inputs.map((id) => removed.get(id) ?? id) })),
    recurrent,
    merges,
  };
}
