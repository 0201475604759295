/** Layers that a chain of synapses and neurons cannot hold, each with the nearest legal network, written out. */
import type { ConvTransposeLayerOptions, Layer } from "../../../model/index.ts";
import { refuse } from "../refusal.ts";

type Refusal = (layer: Layer) => never;

/** The members of a path as one line: `Conv2d, IFNode, Conv2d, IFNode`. */
function chainOf(path: Layer): string {
  if (path.kind !== "Sequential") return path.kind;
  return [...path.children.values()].map(chainOf).join(", ");
}

const CHAIN = "one chain of layers";

const residual: Refusal = (layer) => {
  const { path, shortcut, connect = "ADD", neuron } = layer.options as Record<string, unknown> & { path: Layer };
  const legal = [chainOf(path), ...(neuron ? [(neuron as Layer).kind] : [])].join(", ");
  const joined = connect === "ADD" ? "sum" : "product";
  const other = shortcut ? `shortcut (${chainOf(shortcut as Layer)})` : "input";
  refuse(
    layer,
    CHAIN,
    `the ${joined} of a path and its ${other}`,
    `The format has no place for it. The nearest legal network is the path alone: Sequential [${legal}], trained anew.`,
  );
};

const transposed: Refusal = (layer) => {
  const { inChannels, outChannels } = layer.options as ConvTransposeLayerOptions;
  refuse(
    layer,
    CHAIN,
    "a transposed convolution, which netx cannot load",
    `The nearest legal network ends in features: Sequential [Flatten, Linear] with outChannels ${outChannels} times the pixels of the output, or Conv2d from ${inChannels} to ${outChannels} channels without the enlargement.`,
  );
};

const because =
  (got: string, nearest: string): Refusal =>
  (layer) =>
    refuse(layer, CHAIN, got, `The nearest legal network: ${nearest}.`);

/** By kind of layer. */
export const NEAREST: Readonly<Record<string, Refusal>> = {
  SEWBlock: residual,
  SpikingResBlock: residual,
  ConvTranspose1d: transposed,
  ConvTranspose2d: transposed,
  Upsample: because(
    "an enlargement of the image, which netx cannot load",
    "keep the size and let the layer behind it be a Linear",
  ),
  VotingLayer: because(
    "votes without neurons",
    "end with the neurons before it, and let the host average their rates, or train a Linear and a neuron instead",
  ),
  Conv1d: because("a convolution over a sequence", "Conv2d with a height of 1"),
  Conv3d: because("a convolution over a volume", "Conv2d, with the depth as channels"),
  AvgPool1d: because("a pool over a sequence", "AvgPool2d with a height of 1"),
  MaxPool1d: because("a pool over a sequence", "MaxPool2d with a height of 1"),
  AdaptiveAvgPool1d: because("a pool over a sequence", "AvgPool2d with a height of 1"),
};
