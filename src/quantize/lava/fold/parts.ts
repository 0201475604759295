/** What a folded network is made of, and the leaves of the network that it is made from. */
import { copyLayer, type Layer } from "../../../model/index.ts";
import type { Change } from "../../study.ts";
import { blockDefinition } from "../block.ts";
import { axonalDelayDefinition } from "../slayer/axonal-delay.ts";
import { inputBlockDefinition } from "../slayer/input-block.ts";
import { recurrentBlockDefinition } from "../slayer/recurrent-block.ts";
import { sigmaDeltaBlockDefinition } from "../slayer/sigma-delta-block.ts";

/** Layers that stay as they are. */
export const KEPT: readonly string[] = [
  "Flatten",
  "Dropout",
  blockDefinition.kind,
  recurrentBlockDefinition.kind,
  sigmaDeltaBlockDefinition.kind,
  inputBlockDefinition.kind,
  axonalDelayDefinition.kind,
];

/** A synapse and the neuron right behind it: what becomes a block. */
export interface SynapseAndNeuron {
  synapse: Layer;
  neuron: Layer;
}

/** A member of the folded network, under the names that lead to it. Its layers are its own, with tensors. */
export type FoldedPart = { names: string[]; layer: Layer } | FoldedPair;
export interface FoldedPair extends SynapseAndNeuron {
  names: string[];
  /** So many weights of the synapse at most become one weight of the file, where a pool merges into it. */
  overlap: number;
  /** Folding divided the trained weights by this. */
  divisor: number;
}

export interface Folding {
  parts: FoldedPart[];
  changes: Change[];
}

/** A layer under the names that lead to it. */
export interface Leaf {
  names: string[];
  layer: Layer;
}

/** The leaves of nested Sequentials in order. */
export function leavesOf(container: Layer, names: string[] = []): Leaf[] {
  return [...container.children].flatMap(([name, layer]): Leaf[] =>
    layer.kind === "Sequential" ? leavesOf(layer, [...names, name]) : [{ names: [...names, name], layer }],
  );
}

/** The layers of a part. */
export function layersOf(part: FoldedPart): Layer[] {
  return "layer" in part ? [part.layer] : [part.synapse, part.neuron];
}

/** A copy with the place of the layer. */
export function ownCopy(layer: Layer): Layer {
  const copy = copyLayer(layer);
  copy.path = layer.path;
  return copy;
}

/** True for blocks that are prepared already and whose weights take up the sums of a pool before them, when the file is written. */
export function takesSums(layer: Layer | null | undefined): boolean {
  const isBlock = layer?.kind === blockDefinition.kind || layer?.kind === recurrentBlockDefinition.kind;
  return isBlock && layer?.children.get("synapse")?.kind !== "SumPool2d";
}
