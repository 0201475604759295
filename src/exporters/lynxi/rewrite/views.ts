/** Takes out operators that change nothing, and joins views (Reshape, Flatten, Squeeze, Unsqueeze) behind each other into one Reshape. */
import type { FileChange } from "../../target.ts";
import { ELEMENT_TYPES, intAttribute, type OnnxNode } from "../onnx/onnx-model.ts";
import { type Inference, inferValues } from "../shapes/infer.ts";
import { exact, int64Tensor, Names, outputNames, type Pass, withoutNodes } from "./edit.ts";

const RULE = "LX006";
const VIEWS: ReadonlySet<string> = new Set(["Reshape", "Flatten", "Squeeze", "Unsqueeze"]);
/** Give back what they get when shape and type stay the same. */
const IDLE_IF_SAME: ReadonlySet<string> = new Set([...VIEWS, "Expand", "Tile", "Concat"]);

/** Identity, Dropout outside training, and views, casts and repeats that change neither shape nor type. */
export const dropIdleNodes: Pass = (model) => {
  const inference = inferValues(model);
  const outputs = outputNames(model);
  const sources = new Map<OnnxNode, string>();
  const changes: FileChange[] = [];
  for (const node of model.nodes) {
    if (node.domain !== "" || outputs.has(node.outputs[0] ?? "") || !isIdle(node, inference)) continue;
    sources.set(node, node.inputs[0]!);
    changes.push(exact(node.op === "Dropout" ? "LX019" : RULE, node.name, `${node.op} that changes nothing removed`));
  }
  return { model: withoutNodes(model, sources), changes };
};

function isIdle(node: OnnxNode, { facts }: Inference): boolean {
  const [input = "", output = ""] = [node.inputs[0], node.outputs[0]];
  if (input === "" || node.outputs.slice(1).some((name) => name !== "")) return false;
  if (node.op === "Identity") return true;
  if (node.op === "Dropout") return !node.inputs[2] || facts.get(node.inputs[2])?.constant?.[0] === 0;
  if (node.op === "Pad")
    return !node.inputs[3] && (facts.get(node.inputs[1] ?? "")?.constant?.every((size) => size === 0) ?? false);
  const [before, after] = [facts.get(input), facts.get(output)];
  if (node.op === "Cast")
    return before !== undefined && ELEMENT_TYPES[before.type as "bool"] === intAttribute(node, "to", 0);
  if (!IDLE_IF_SAME.has(node.op) || (node.op === "Concat" && node.inputs.length > 1)) return false;
  return sameShape(before?.shape, after?.shape);
}

const sameShape = (a: number[] | null | undefined, b: number[] | null | undefined): boolean =>
  !!a && !!b && a.length === b.length && a.every((size, axis) => size === b[axis]);

/** One direct Reshape with a static target wherever views stand behind each other. */
export const joinViews: Pass = (model) => {
  const { facts } = inferValues(model);
  const names = new Names(model);
  const changes: FileChange[] = [];
  const initializers = [...model.initializers];
  /** What each view looks at in the end, and the view directly before it. */
  const origins = new Map<string, { source: string; name: string }>();
  const nodes = model.nodes.map((node) => {
    const [input = "", output = ""] = [node.inputs[0], node.outputs[0]];
    if (!isView(node)) return node;
    const before = origins.get(input);
    origins.set(output, { source: before?.source ?? input, name: node.name });
    const shape = facts.get(output)?.shape;
    if (!before || !shape || shape.some((size) => size === 0)) return node;
    const target = int64Tensor(names.fresh(`${output}.shape`), shape);
    initializers.push(target);
    changes.push(exact(RULE, node.name, `joined with "${before.name}" into one Reshape to [${shape}]`));
    return { ...node, op: "Reshape", inputs: [before.source, target.name], attributes: {} };
  });
  return { model: { ...model, nodes, initializers }, changes };
};

const isView = (node: OnnxNode): boolean => node.domain === "" && VIEWS.has(node.op);
