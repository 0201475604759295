/** Parts of an ONNX model: what its outputs need, and the same graph with other outputs. Changes no number. */
import { fail } from "../../../core/index.ts";
import type { OnnxModel, OnnxNode } from "./onnx-model.ts";

/** Nodes, initializers and value facts that reach an output, in their order. */
export function withoutDeadParts(model: OnnxModel): OnnxModel {
  const outputs = new Set(model.outputs.map(({ name }) => name));
  const needed = new Set(outputs);
  const live = new Set<OnnxNode>();
  for (const node of model.nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    live.add(node);
    for (const input of node.inputs) needed.add(input);
  }
  return {
    ...model,
    nodes: model.nodes.filter((node) => live.has(node)),
    initializers: model.initializers.filter(({ name }) => needed.has(name)),
    values: model.values.filter(({ name }) => needed.has(name) && !outputs.has(name)),
  };
}

/** The same graph with further values as outputs (a copy for looking inside; never what is delivered). */
export function withOutputs(model: OnnxModel, names: readonly string[]): OnnxModel {
  const outputs = new Map(model.outputs.map((output) => [output.name, output]));
  const declared = new Map(model.values.map((value) => [value.name, value]));
  const made = new Set(model.nodes.flatMap((node) => node.outputs));
  for (const name of names) {
    if (!made.has(name)) {
      fail("FILE", {
        where: "ONNX graph",
        expected: `a value "${name}"`,
        got: "none",
        hint: "Does the manifest belong to this graph?",
      });
    }
    // float32 where the file declares nothing: spikes of foreign graphs
    if (!outputs.has(name)) outputs.set(name, declared.get(name) ?? { name, type: "float32", shape: null });
  }
  return { ...model, outputs: [...outputs.values()], values: model.values.filter(({ name }) => !outputs.has(name)) };
}
