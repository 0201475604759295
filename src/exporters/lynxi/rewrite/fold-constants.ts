/** Folds everything that does not depend on an input: shape arithmetic, constants that are moved about, Constant nodes. Serves LX006. */
import type { FileChange } from "../../target.ts";
import { constantTensor, type OnnxNode, type OnnxTensor } from "../onnx/onnx-model.ts";
import { inferValues } from "../shapes/infer.ts";
import { constantsOf, exact, outputNames, type Pass } from "./edit.ts";
import { evaluate } from "./evaluate.ts";

const RULE = "LX006";
/** Numbers that folding may add to a file, all results together. */
const LARGEST_GROWTH = 2 ** 22;

export const foldConstants: Pass = (model) => {
  const { facts } = inferValues(model);
  const known = constantsOf(model);
  const outputs = outputNames(model);
  const changes: FileChange[] = [];
  const nodes: OnnxNode[] = [];
  let moved = 0;
  let budget = LARGEST_GROWTH;
  for (const node of model.nodes) {
    const [output = ""] = node.outputs;
    const kept = node.outputs.length !== 1 || node.domain !== "" || outputs.has(output);
    if (!kept && constantTensor(node)) moved++;
    else {
      const result = kept || budget <= 0 ? null : evaluated(node, known, facts.get(output) ?? null);
      if (result) {
        known.set(output, result);
        budget -= result.data.length;
        changes.push(exact(RULE, node.name, `${node.op} of constants folded`));
      } else nodes.push(node);
    }
  }
  if (moved > 0) changes.unshift(exact(RULE, "graph", "Constant nodes stored as initializers", moved));
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  const stored = new Set(model.initializers.map(({ name }) => name));
  const made = new Set(nodes.flatMap(({ outputs: names }) => names));
  const added = [...known.values()].filter(({ name }) => read.has(name) && !stored.has(name) && !made.has(name));
  return { model: { ...model, nodes, initializers: [...model.initializers, ...added] }, changes };
};

/** What functions of stored numbers give in float64, rounded to float32 once; an executor's own float32 may end in another last bit. */
const FUNCTIONS: ReadonlyMap<string, (x: number) => number> = new Map([
  ["Sigmoid", (x) => 1 / (1 + Math.exp(-x))],
  ["Exp", Math.exp],
  ["Tanh", Math.tanh],
  ["Sqrt", Math.sqrt],
]);

/** Folds functions of stored numbers, such as the sigmoid of a learned time constant. */
export const foldFunctions: Pass = (model) => {
  const known = constantsOf(model);
  const outputs = outputNames(model);
  const changes: FileChange[] = [];
  const added: OnnxTensor[] = [];
  const nodes = model.nodes.filter((node) => {
    const compute = node.domain === "" ? FUNCTIONS.get(node.op) : undefined;
    const [name = ""] = node.outputs;
    const tensor = known.get(node.inputs[0] ?? "");
    if (!compute || outputs.has(name) || tensor?.type !== "float32" || tensor.external) return true;
    added.push({ ...tensor, name, data: Float32Array.from(tensor.data as Float32Array, compute) });
    changes.push({
      ...exact(RULE, node.name, `${node.op} of stored numbers folded (float64, stored as float32)`, tensor.data.length),
      exact: false,
      allowance: "stored numbers may differ from an executor's by the last bit of float32",
    });
    return false;
  });
  return { model: { ...model, nodes, initializers: [...model.initializers, ...added] }, changes };
};

function evaluated(
  node: OnnxNode,
  known: ReadonlyMap<string, OnnxTensor>,
  facts: Parameters<typeof evaluate>[2] | null,
): OnnxTensor | null {
  if (!facts || node.op === "Constant") return null;
  const inputs = node.inputs.map((name) => known.get(name) ?? null);
  const complete = node.inputs.every((name, i) => name === "" || inputs[i] !== null);
  // Shape needs the shape of its input only
  if (!complete && node.op !== "Shape") return null;
  return evaluate(node, inputs, facts);
}
