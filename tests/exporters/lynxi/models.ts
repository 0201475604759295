/** Small ONNX models written by hand, for rules and bad files. */
import type {
  OnnxAttribute,
  OnnxModel,
  OnnxNode,
  OnnxTensor,
  OnnxValue,
} from "../../../src/exporters/lynxi/onnx/onnx-model.ts";

export const int = (value: number): OnnxAttribute => ({ kind: "int", value });
export const ints = (...value: number[]): OnnxAttribute => ({ kind: "ints", value });

/** A node with one output, named as it. */
export function node(
  op: string,
  output: string,
  inputs: string[],
  attributes: OnnxNode["attributes"] = {},
  domain = "",
): OnnxNode {
  return { name: `node_${output}`, op, domain, inputs, outputs: [output], attributes };
}

export function floats(name: string, shape: number[], numbers: number[]): OnnxTensor {
  return { name, type: "float32", shape, data: Float32Array.from(numbers) };
}

export function integers(name: string, ...numbers: number[]): OnnxTensor {
  return { name, type: "int64", shape: [numbers.length], data: BigInt64Array.from(numbers, BigInt) };
}

export const value = (name: string, shape: OnnxValue["shape"], type: OnnxValue["type"] = "float32"): OnnxValue => ({
  name,
  type,
  shape,
});

/** A model around nodes: input x, output y. */
export function modelOf(nodes: OnnxNode[], facts: Partial<OnnxModel> = {}): OnnxModel {
  return {
    irVersion: 7,
    opset: 12,
    domains: [],
    producer: "test",
    producerVersion: "",
    graphName: "test",
    inputs: [value("x", [2, 3])],
    outputs: [value("y", null)],
    initializers: [],
    nodes,
    values: [],
    ...facts,
  };
}
