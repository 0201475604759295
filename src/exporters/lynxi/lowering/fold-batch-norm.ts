/**
 * Folds batch norms of a graph into the convolution or linear layer before them: same function, one rounding instead of two.
 * Training is not concerned: `quantize` folds layers of a network, this folds nodes of its graph.
 */
import type { BatchNormNode, ConvNode, ConvTransposeNode, Graph, GraphNode, LinearNode } from "../../../model/index.ts";
import type { LossyStep } from "../../target.ts";

type Weighted = ConvNode | ConvTransposeNode | LinearNode;

/** The graph with every foldable batch norm gone, and one entry per fold. What cannot be folded (read by others, not behind weights) stays. */
export function foldBatchNorms(graph: Graph): { graph: Graph; folds: LossyStep[] } {
  const folds: LossyStep[] = [];
  const replaced = new Map<string, GraphNode>();
  const renamed = new Map<string, string>();
  for (const norm of graph.nodes) {
    if (norm.kind !== "batchNorm") continue;
    const before = graph.nodes.find(({ id }) => id === norm.inputs[0]);
    if (before?.kind !== "conv" && before?.kind !== "convTranspose" && before?.kind !== "linear") continue;
    if (graph.nodes.filter(({ inputs }) => inputs.includes(before.id)).length > 1) continue;
    replaced.set(before.id, folded(before, norm));
    renamed.set(norm.id, before.id);
    folds.push({
      place: norm.source,
      what: `batch norm folded into ${before.source} (float64, stored as float32)`,
      count: norm.mean.data.length,
      largestChange: 0,
    });
  }
  const nodes = graph.nodes
    .filter(({ id }) => !renamed.has(id))
    .map((node) => replaced.get(node.id) ?? node)
    .map((node) => ({ ...node, inputs: node.inputs.map((id) => renamed.get(id) ?? id) }));
  return { graph: { ...graph, nodes }, folds };
}

/** weight' = weight * gamma / sigma, bias' = (bias - mean) * gamma / sigma + beta, sigma = sqrt(variance + epsilon), in float64. */
function folded(before: Weighted, norm: BatchNormNode): Weighted {
  const { mean, variance, weight: gamma, bias: beta, epsilon } = norm;
  const channels = mean.data.length;
  const factor = Float64Array.from(variance.data, (v, c) => (gamma?.data[c] ?? 1) / Math.sqrt(v + epsilon));
  const channelOf = outputChannels(before, channels);
  const weight = before.weight.data.map((w, i) => w * factor[channelOf(i)]!);
  const bias = Float32Array.from(
    factor,
    (f, c) => ((before.bias?.data[c] ?? 0) - mean.data[c]!) * f + (beta?.data[c] ?? 0),
  );
  return { ...before, weight: { ...before.weight, data: weight }, bias: { shape: [channels], data: bias } };
}

/** The output channel that the i-th weight belongs to. */
function outputChannels(node: Weighted, channels: number): (i: number) => number {
  const { shape, data } = node.weight;
  if (node.kind !== "convTranspose") return (i) => Math.floor(i / (data.length / channels));
  const [inputs = 1, perGroup = 1] = shape;
  const window = data.length / (inputs * perGroup);
  const inputsPerGroup = inputs / node.groups;
  return (i) => {
    const input = Math.floor(i / (perGroup * window));
    return Math.floor(input / inputsPerGroup) * perGroup + (Math.floor(i / window) % perGroup);
  };
}
