/** Writes spikes as GreaterOrEqual where the operator set has it, and as Not of Less where it has not. Serves LX016. */
import type { FileChange } from "../../target.ts";
import type { OnnxNode } from "../onnx/onnx-model.ts";
import { readersOf } from "../rules/subject.ts";
import { constantsOf, exact, Names, outputNames, type Pass } from "./edit.ts";

const RULE = "LX016";
/** GreaterOrEqual and LessOrEqual came with operator set 12. */
const OR_EQUAL_SINCE = 12;

const REVERSED: ReadonlyMap<string, string> = new Map([
  ["Less", "GreaterOrEqual"],
  ["Greater", "LessOrEqual"],
]);
const NEGATED: ReadonlyMap<string, string> = new Map([
  ["GreaterOrEqual", "Less"],
  ["LessOrEqual", "Greater"],
]);

const TURNED: ReadonlyMap<string, string> = new Map([
  ["LessOrEqual", "GreaterOrEqual"],
  ["Less", "Greater"],
  ["GreaterOrEqual", "LessOrEqual"],
  ["Greater", "Less"],
]);

/** A threshold on the left, as torch writes `v >= threshold` of two tensors, goes to the right. */
export const turnComparisons: Pass = (model) => {
  const constants = constantsOf(model);
  const changes: FileChange[] = [];
  const nodes = model.nodes.map((node) => {
    const op = TURNED.get(node.op);
    const [left = "", right = ""] = node.inputs;
    if (!op || node.domain !== "" || !constants.has(left) || constants.has(right)) return node;
    changes.push(exact(RULE, node.name, `${node.op} of a stored number written as ${op} with the number on the right`));
    return { ...node, op, inputs: [right, left] };
  });
  return { model: { ...model, nodes }, changes };
};

/** Equal for every number; only for NaN does Not(a < b) differ from a >= b, and a NaN is an error of its own (LX012). */
export const orderComparisons: Pass = (model) => {
  if (model.opset < OR_EQUAL_SINCE) return negatedComparisons(model);
  const readers = readersOf(model);
  const outputs = outputNames(model);
  const changes: FileChange[] = [];
  const replaced = new Map<OnnxNode, OnnxNode>();
  for (const node of model.nodes) {
    const op = REVERSED.get(node.op);
    const behind = readers.get(node.outputs[0] ?? "") ?? [];
    const [not] = behind;
    if (!op || node.domain !== "" || behind.length !== 1 || not?.op !== "Not" || outputs.has(node.outputs[0]!))
      continue;
    replaced.set(not, { ...not, op, inputs: node.inputs });
    changes.push(exact(RULE, not.name, `Not of ${node.op} "${node.name}" written as ${op}`));
  }
  // the Less is read by nobody any more; pruning takes it away
  return { model: { ...model, nodes: model.nodes.map((node) => replaced.get(node) ?? node) }, changes };
};

const negatedComparisons: Pass = (model) => {
  const names = new Names(model);
  const changes: FileChange[] = [];
  const nodes = model.nodes.flatMap((node): OnnxNode[] => {
    const op = NEGATED.get(node.op);
    if (!op || node.domain !== "") return [node];
    const below = names.fresh(`${node.outputs[0]}.below`);
    changes.push(exact(RULE, node.name, `${node.op} written as Not of ${op}, which operator set ${model.opset} has`));
    return [
      { ...node, name: `${node.name}.below`, op, outputs: [below] },
      { ...node, op: "Not", inputs: [below] },
    ];
  });
  return { model: { ...model, nodes }, changes };
};
