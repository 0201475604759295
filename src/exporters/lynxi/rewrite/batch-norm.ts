/** Folds batch norms into the weighted operator before them: float64 arithmetic, stored as float32 (rounding comes last). Serves LX018. */
import type { FileChange } from "../../target.ts";
import {
  floatAttribute,
  intAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  tensorNumbers,
} from "../onnx/onnx-model.ts";
import { makersOf, readersOf } from "../rules/subject.ts";
import { constantsOf, Names, outputNames, type Pass } from "./edit.ts";

/** Relative change of a result that folding may make before numbers are rounded: products and sums in another order, each within 2^-24. */
export const FOLDING_ALLOWANCE = 1e-5;

const WEIGHTED: ReadonlySet<string> = new Set(["Conv", "ConvTranspose", "Gemm", "MatMul"]);

export const foldBatchNorms: Pass = (model) => {
  const makers = makersOf(model);
  const readers = readersOf(model);
  const outputs = outputNames(model);
  const constants = constantsOf(model);
  const names = new Names(model);
  const initializers = [...model.initializers];
  const replaced = new Map<OnnxNode, OnnxNode | null>();
  const changes: FileChange[] = [];
  for (const norm of model.nodes) {
    const before = makers.get(norm.inputs[0] ?? "");
    if (norm.op !== "BatchNormalization" || norm.domain !== "" || !before || replaced.has(before)) continue;
    const shared = (readers.get(norm.inputs[0]!) ?? []).length > 1 || outputs.has(norm.inputs[0]!);
    const folded = shared ? null : fold(before, norm, constants, names);
    if (!folded) continue;
    initializers.push(...folded.stored);
    replaced.set(before, { ...folded.node, outputs: [norm.outputs[0]!] });
    replaced.set(norm, null);
    changes.push({
      rule: "LX018",
      place: norm.name,
      what: `batch norm folded into ${before.op} "${before.name}" (float64, stored as float32)`,
      exact: false,
      allowance: `results move by at most ${FOLDING_ALLOWANCE} of the largest; a spike may move where a potential lies that close to its threshold`,
      count: folded.stored.reduce((sum, { data }) => sum + data.length, 0),
      largestChange: 0,
    });
  }
  const nodes = model.nodes.flatMap((node) => {
    const instead = replaced.get(node);
    return instead === undefined ? [node] : instead === null ? [] : [instead];
  });
  return { model: { ...model, nodes, initializers } satisfies OnnxModel, changes };
};

interface Folded {
  node: OnnxNode;
  stored: OnnxTensor[];
}

function fold(node: OnnxNode, norm: OnnxNode, constants: ReadonlyMap<string, OnnxTensor>, names: Names): Folded | null {
  const weight = constants.get(node.inputs[1] ?? "");
  const parameters = norm.inputs.slice(1, 5).map((name) => constants.get(name));
  const [scale, shift, mean, variance] = parameters.map((tensor) => (tensor ? tensorNumbers(tensor) : null));
  const biasName = node.inputs[2] ?? "";
  const bias = biasName === "" ? null : constants.get(biasName);
  if (!WEIGHTED.has(node.op) || node.domain !== "" || weight?.type !== "float32") return null;
  if (!scale || !shift || !mean || !variance || bias === undefined) return null;
  if (intAttribute(norm, "training_mode", 0) === 1 || norm.outputs.slice(1).some((name) => name !== "")) return null;
  const channelOf = outputChannel(node, weight, scale.length);
  if (!channelOf) return null;
  const epsilon = floatAttribute(norm, "epsilon", 1e-5);
  const factor = scale.map((gamma, c) => gamma / Math.sqrt(variance[c]! + epsilon));
  const ratio = node.op === "Gemm" ? floatAttribute(node, "beta", 1) : 1;
  const offsets = bias ? tensorNumbers(bias) : [0];
  if (offsets.length !== 1 && offsets.length !== scale.length) return null;
  const offset = (c: number) => ratio * offsets[offsets.length === 1 ? 0 : c]!;
  const stem = norm.outputs[0] ?? norm.name;
  const folded: OnnxTensor = {
    ...weight,
    name: names.fresh(`${stem}.weight`),
    data: Float32Array.from(weight.data as Float32Array, (w, i) => w * factor[channelOf(i)]!),
  };
  const moved: OnnxTensor = {
    name: names.fresh(`${stem}.bias`),
    type: "float32",
    shape: [scale.length],
    data: Float32Array.from(factor, (f, c) => (offset(c) - mean[c]!) * f + shift[c]!),
  };
  const inputs = [node.inputs[0]!, folded.name, moved.name];
  const { beta: _applied, ...attributes } = node.attributes;
  return {
    node: { ...node, op: node.op === "MatMul" ? "Gemm" : node.op, inputs, attributes },
    stored: [folded, moved],
  };
}

/** Which output channel a stored weight belongs to, by its index; null: the weights do not have that many channels. */
function outputChannel(node: OnnxNode, { shape }: OnnxTensor, channels: number): ((index: number) => number) | null {
  const rest = (from: number) => shape.slice(from).reduce((product, size) => product * size, 1);
  const along = (axis: number) => {
    const inner = rest(axis + 1);
    return shape[axis] === channels ? (index: number) => Math.floor(index / inner) % channels : null;
  };
  if (node.op === "Conv") return along(0);
  if (node.op === "Gemm") return shape.length === 2 ? along(intAttribute(node, "transB", 0) ? 0 : 1) : null;
  if (node.op === "MatMul") return shape.length === 2 ? along(1) : null;
  const groups = intAttribute(node, "group", 1);
  const perGroup = shape[1] ?? 0;
  if (perGroup * groups !== channels || shape[0]! % groups !== 0) return null;
  const [inner, inputsPerGroup] = [rest(2), shape[0]! / groups];
  return (index) =>
    Math.floor(Math.floor(index / rest(1)) / inputsPerGroup) * perGroup + (Math.floor(index / inner) % perGroup);
}
