/** Gives graph inputs and outputs names that Lyngor's inputs_dict can hold. Serves LX024. */
import type { FileChange } from "../../target.ts";
import type { OnnxModel } from "../onnx/onnx-model.ts";
import { exact, Names, type Pass } from "./edit.ts";

const PLAIN = /^[A-Za-z0-9_.]+$/;

export const plainNames: Pass = (model) => {
  const names = new Names(model);
  const ends = [...model.inputs, ...model.outputs].map(({ name }) => name);
  const renamed = new Map<string, string>();
  const changes: FileChange[] = [];
  for (const name of new Set(ends)) {
    if (PLAIN.test(name)) continue;
    const plain = names.fresh(name.replace(/[^A-Za-z0-9_.]/g, "_") || "value");
    renamed.set(name, plain);
    changes.push(exact("LX024", name, `renamed to ${plain}`));
  }
  return { model: renamed.size === 0 ? model : withNames(model, (name) => renamed.get(name) ?? name), changes };
};

function withNames(model: OnnxModel, now: (name: string) => string): OnnxModel {
  const named = <T extends { name: string }>(value: T): T => ({ ...value, name: now(value.name) });
  return {
    ...model,
    inputs: model.inputs.map(named),
    outputs: model.outputs.map(named),
    values: model.values.map(named),
    nodes: model.nodes.map((node) => ({ ...node, inputs: node.inputs.map(now), outputs: node.outputs.map(now) })),
  };
}
