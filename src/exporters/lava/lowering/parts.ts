/** The parts of which the chain of a `.net` file is made. */
import type { ConvNode, FlattenNode, InputNode, LinearNode, NeuronNode, PoolNode } from "../../../model/index.ts";

export type SynapseNode = ConvNode | LinearNode | PoolNode;

/** A synapse and its neuron: one layer of the file. */
export interface BlockPart {
  kind: "block";
  synapse: SynapseNode;
  neuron: NeuronNode;
  /** Shape of one step of one sample before the synapse. */
  inputShape: readonly number[];
  /** The matrix by which the block sees its own spikes of the step before. */
  recurrent: LinearNode | null;
  /** Steps that the inputs of a matrix come later: one number for all, or one for each. */
  inputDelays: readonly number[] | null;
  /** Steps that the spikes of each neuron leave later; only the last layer has such, others leave them to the layer behind. */
  outputDelays: readonly number[] | null;
}
export interface InputPart {
  kind: "input";
  node: InputNode;
  /** Neurons that the host feeds directly. */
  neuron: NeuronNode | null;
}
export type Part = InputPart | { kind: "flatten"; node: FlattenNode } | BlockPart;
