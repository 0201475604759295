/** Takes away what no output needs, and declares the shape of every value that is left. Serves LX025 and LX002. */
import type { FileChange } from "../../target.ts";
import type { OnnxModel, OnnxValue } from "../onnx/onnx-model.ts";
import { withoutDeadParts } from "../onnx/onnx-prune.ts";
import { inferValues } from "../shapes/infer.ts";
import { exact, outputNames, type Pass } from "./edit.ts";

/** Graph inputs stay, also unused ones: they are what a caller names. */
export const prune: Pass = (model) => {
  const live = withoutDeadParts(model);
  const nodes = model.nodes.length - live.nodes.length;
  const tensors = model.initializers.length - live.initializers.length;
  const changes = [
    ...(nodes > 0 ? [exact("LX025", "graph", "nodes that no output needs removed", nodes)] : []),
    ...(tensors > 0 ? [exact("LX025", "graph", "stored tensors that no output needs removed", tensors)] : []),
  ];
  return { model: live, changes };
};

/** Graph outputs say their shape: onnx's own checker wants it. */
export const declareOutputs: Pass = (model) => {
  if (model.outputs.every(({ shape }) => shape !== null)) return { model, changes: [] };
  const { facts } = inferValues(model);
  const changes: FileChange[] = [];
  const outputs = model.outputs.map((output) => {
    const known = facts.get(output.name);
    if (output.shape !== null || !known?.shape) return output;
    changes.push(exact("LX002", output.name, `declared as [${known.shape}]`));
    return { ...output, shape: known.shape };
  });
  return { model: { ...model, outputs }, changes };
};

/** Types and shapes as inference finds them, in place of what the file declared before it was rewritten. */
export function declareShapes(model: OnnxModel): OnnxModel {
  const { facts } = inferValues({ ...model, values: [] });
  const outputs = outputNames(model);
  const value = (name: string): OnnxValue[] => {
    const known = facts.get(name);
    return known?.shape && known.type !== "undefined" ? [{ name, type: known.type, shape: known.shape }] : [];
  };
  const computed = model.nodes.flatMap((node) => node.outputs).filter((name) => name !== "" && !outputs.has(name));
  return {
    ...model,
    outputs: model.outputs.map((output) => value(output.name)[0] ?? output),
    values: computed.flatMap(value),
  };
}
