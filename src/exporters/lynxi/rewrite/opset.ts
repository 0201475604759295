/** Says in operator set 13 what a newer set says, where the two mean the same. Serves LX022. Source: the ONNX operator changelog. */
import type { FileChange } from "../../target.ts";
import { intAttribute, ints, type OnnxNode } from "../onnx/onnx-model.ts";
import { operatorFacts } from "../onnx/operators.ts";
import { type Inference, inferValues } from "../shapes/infer.ts";
import { exact, type Pass } from "./edit.ts";

const WANTED = 13;
/** Operator sets above are too new to be sure of. */
const NEWEST_KNOWN = 20;
const LARGEST_IR = 7;

/** Attributes that newer sets added, with the value at which they change nothing. */
const IDLE_ATTRIBUTES: ReadonlyMap<string, Readonly<Record<string, number>>> = new Map<
  string,
  Readonly<Record<string, number>>
>([
  ["BatchNormalization", { training_mode: 0 }],
  ["Reshape", { allowzero: 0 }],
  ["Cast", { saturate: 1 }],
]);
/** Changed in ways that need a look at each case. */
const CHANGED_AT_18: ReadonlySet<string> = new Set(["Resize", "Pad"]);
const REDUCTIONS_AT_18: ReadonlySet<string> = new Set(["ReduceMean", "ReduceMax"]);

export const lowerOpset: Pass = (model) => {
  const changes: FileChange[] = [];
  let lowered = model;
  if (model.opset > WANTED && model.opset <= NEWEST_KNOWN) {
    const inference = inferValues(model);
    const nodes = model.nodes.map((node) => lowerNode(node, model.opset, inference));
    if (nodes.every((node) => node !== null)) {
      lowered = { ...model, opset: WANTED, nodes };
      changes.push(exact("LX022", "file", `operator set ${model.opset} written as ${WANTED}`));
    }
  }
  if (lowered.irVersion > LARGEST_IR && lowered.opset <= WANTED) {
    changes.push(exact("LX022", "file", `IR version ${lowered.irVersion} written as ${LARGEST_IR}`));
    lowered = { ...lowered, irVersion: LARGEST_IR };
  }
  return { model: lowered, changes };
};

/** Null: not the same thing in the older set. */
function lowerNode(node: OnnxNode, from: number, { facts }: Inference): OnnxNode | null {
  const known = operatorFacts(node.op);
  if (node.domain !== "" || !known || known.evidence === "X") return null;
  const attributes = { ...node.attributes };
  for (const [name, idle] of Object.entries(IDLE_ATTRIBUTES.get(node.op) ?? {})) {
    if (intAttribute(node, name, idle) !== idle) return null;
    delete attributes[name];
  }
  if (node.op === "AveragePool" && attributes.dilations) return null;
  if (from < 18) return { ...node, attributes };
  if (CHANGED_AT_18.has(node.op)) return null;
  if (node.op === "Split") {
    const { num_outputs: _counted, ...rest } = attributes;
    return { ...node, attributes: rest };
  }
  const axes = node.inputs[1] ?? "";
  if (!REDUCTIONS_AT_18.has(node.op) || axes === "") return { ...node, attributes };
  const constant = facts.get(axes)?.constant;
  return constant
    ? { ...node, inputs: node.inputs.slice(0, 1), attributes: { ...attributes, axes: ints(constant) } }
    : null;
}
