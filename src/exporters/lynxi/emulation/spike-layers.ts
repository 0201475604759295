/**
 * Recognises spiking layers in an ONNX graph by their form: one comparison cast to a number per time-step, joined along the first axis.
 * Works on our files and on what torch.onnx.export writes of SpikingJelly networks; needs no manifest.
 */
import { intAttribute, type OnnxModel, type OnnxNode } from "../onnx/onnx-model.ts";

export interface SpikeLayer {
  /** The value that holds the spikes of all steps, `[T, N, ...]`. */
  value: string;
  steps: number;
}

const COMPARISONS = new Set(["GreaterOrEqual", "Greater", "LessOrEqual", "Less"]);

export function findSpikeLayers(model: OnnxModel): SpikeLayer[] {
  const makers = new Map(model.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  const spikes = new Set<string>();
  for (const node of model.nodes) {
    const moved = (node.op === "Unsqueeze" || node.op === "Identity") && spikes.has(node.inputs[0] ?? "");
    if (moved || isSpikeCast(node, makers)) for (const output of node.outputs) spikes.add(output);
  }
  const joined = new Set<string>();
  const layers: SpikeLayer[] = [];
  for (const node of model.nodes) {
    if (
      node.op === "Concat" &&
      intAttribute(node, "axis", 0) === 0 &&
      node.inputs.length > 0 &&
      node.inputs.every((input) => spikes.has(input))
    ) {
      layers.push({ value: node.outputs[0]!, steps: node.inputs.length });
      for (const input of node.inputs) joined.add(input);
    }
  }
  if (joined.size > 0) return layers;
  // T = 1: nothing to join
  return model.nodes.filter((node) => isSpikeCast(node, makers)).map((node) => ({ value: node.outputs[0]!, steps: 1 }));
}

function isSpikeCast(node: OnnxNode, makers: ReadonlyMap<string, OnnxNode>): boolean {
  if (node.op !== "Cast") return false;
  const compared = makers.get(node.inputs[0]!);
  if (compared?.op === "Not") return COMPARISONS.has(makers.get(compared.inputs[0]!)?.op ?? "");
  return COMPARISONS.has(compared?.op ?? "");
}
