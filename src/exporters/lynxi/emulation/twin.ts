/**
 * The twin of an ONNX graph: typed float32, with a Cast to float16 and back behind the input and behind every operator that computes. An
 * executor that does not know float16 arithmetic then rounds where the chip rounds. (ONNX Runtime on x86 runs a graph typed float16 in
 * float32 between neighbouring nodes, so such a graph says nothing about rounding.) Made from the delivered graph, never delivered itself.
 */

import {
  ELEMENT_TYPES,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from "../onnx/onnx-model.ts";
import { roundsResult } from "../onnx/operators.ts";
import { fromFloat16Bits, roundArray } from "./float16.ts";

const castTo = (type: "float16" | "float32"): OnnxAttribute => ({ kind: "int", value: ELEMENT_TYPES[type] });

export function twinOf(model: OnnxModel): OnnxModel {
  const wide = typedFloat32(model);
  const floatInputs = wide.inputs.filter(({ type }) => type === "float32").map(({ name }) => name);
  const rounded = new Map(floatInputs.map((name) => [name, `${name}.rounded`]));
  const nodes = floatInputs.flatMap((name) => roundingPair(name, rounded.get(name)!));
  const integers = integerValues(wide);
  for (const node of wide.nodes) {
    const inputs = node.inputs.map((name) => rounded.get(name) ?? name);
    const [output = ""] = node.outputs;
    if (!roundsResult(node.op) || node.op === "Constant" || integers.has(output)) {
      nodes.push({ ...node, inputs });
      continue;
    }
    nodes.push({ ...node, inputs, outputs: [`${output}.exact`, ...node.outputs.slice(1)] });
    nodes.push(...roundingPair(`${output}.exact`, output));
  }
  return { ...wide, graphName: `${model.graphName}_twin`, nodes, values: [] };
}

/** Cast to float16 and back: `from` rounded, under the name `to`. */
function roundingPair(from: string, to: string): OnnxNode[] {
  const half = `${to}.half`;
  const node = { op: "Cast", domain: "" };
  return [
    { ...node, name: `${to}.to_float16`, inputs: [from], outputs: [half], attributes: { to: castTo("float16") } },
    { ...node, name: `${to}.to_float32`, inputs: [half], outputs: [to], attributes: { to: castTo("float32") } },
  ];
}

/** Values that only carry shapes: arithmetic on whole numbers is not rounded. */
function integerValues(model: OnnxModel): Set<string> {
  const whole = (type: string) => type === "int64" || type === "int32" || type === "bool";
  const names = new Set(model.initializers.filter(({ type }) => whole(type)).map(({ name }) => name));
  for (const node of model.nodes) {
    const constant = node.attributes.value;
    const made =
      node.op === "Constant" ? constant?.kind === "tensor" && whole(constant.value.type) : node.op === "Shape";
    const inherited = node.inputs.length > 0 && node.inputs.every((name) => names.has(name));
    if (made || inherited) for (const output of node.outputs) names.add(output);
  }
  return names;
}

/**
 * The graph as float32 arithmetic sees it: where it is typed float16, the same typed float32 (an executor that computes neighbouring float16 nodes in
 * float32, and rounds between the others, shows neither precision). A graph typed float32 is returned as it is.
 */
export function float32Of(model: OnnxModel): OnnxModel {
  const half = [...model.inputs, ...model.outputs, ...model.initializers].some(({ type }) => type === "float16");
  return half ? typedFloat32(model) : model;
}

/** The same graph with every float16 value typed float32, and every stored number rounded to float16. */
function typedFloat32(model: OnnxModel): OnnxModel {
  const value = (facts: OnnxValue): OnnxValue => (facts.type === "float16" ? { ...facts, type: "float32" } : facts);
  return {
    ...model,
    inputs: model.inputs.map(value),
    outputs: model.outputs.map(value),
    values: model.values.map(value),
    initializers: model.initializers.map(roundedTensor),
    nodes: model.nodes.map((node) => ({
      ...node,
      attributes: Object.fromEntries(
        Object.entries(node.attributes).map(([name, attribute]) => [name, widened(node, name, attribute)]),
      ),
    })),
  };
}

function widened(node: OnnxNode, name: string, attribute: OnnxAttribute): OnnxAttribute {
  if (attribute.kind === "tensor") return { kind: "tensor", value: roundedTensor(attribute.value) };
  const toHalf =
    node.op === "Cast" && name === "to" && attribute.kind === "int" && attribute.value === ELEMENT_TYPES.float16;
  return toHalf ? castTo("float32") : attribute;
}

function roundedTensor(tensor: OnnxTensor): OnnxTensor {
  if (tensor.type === "float16" && tensor.data instanceof Uint16Array) {
    return { ...tensor, type: "float32", data: fromFloat16Bits(tensor.data) };
  }
  if (tensor.data instanceof Float32Array) return { ...tensor, data: roundArray(tensor.data).data };
  return tensor;
}
