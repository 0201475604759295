/**
 * Protobuf bytes as a plain ONNX model. Refuses what is no ONNX model or lies about its sizes; whether the model suits a chip is the
 * business of `rules.ts`.
 */
import { fromBinary } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type ValueInfoProto,
} from "onnx-buf";
import { fail, SpikeshipError } from "../../../core/index.ts";
import { decodeTensor, smallInteger } from "./decode-tensor.ts";
import { elementTypeOf, type OnnxAttribute, type OnnxModel, type OnnxNode, type OnnxValue } from "./onnx-model.ts";
import { DEEPEST_NESTING, expectAffordable } from "./wire-budget.ts";

/** `where`: the file's name, for messages. */
export function decodeOnnx(bytes: Uint8Array, where: string): OnnxModel {
  const proto = parse(bytes, where);
  const { graph } = proto;
  const opset = proto.opsetImport.find(({ domain }) => domain === "" || domain === "ai.onnx");
  if (!graph || !opset) {
    fail("FILE", {
      where,
      expected: "an ONNX model with a graph and an operator set",
      got: graph ? "no operator set" : "no graph",
      hint: "Is the file complete, and is it ONNX?",
    });
  }
  const initializers = graph.initializer.map((tensor) =>
    decodeTensor(tensor, `${where}: initializer "${tensor.name}"`),
  );
  const filled = new Set(initializers.map(({ name }) => name));
  const model: OnnxModel = {
    irVersion: smallInteger(proto.irVersion, `${where}: IR version`),
    opset: smallInteger(opset.version, `${where}: operator set`),
    domains: proto.opsetImport
      .filter((entry) => entry !== opset)
      .map(({ domain, version }) => ({ domain, version: smallInteger(version, `${where}: domain ${domain}`) })),
    producer: proto.producerName,
    producerVersion: proto.producerVersion,
    graphName: graph.name,
    inputs: graph.input.filter(({ name }) => !filled.has(name)).map((value) => decodeValue(value, where)),
    outputs: graph.output.map((value) => decodeValue(value, where)),
    initializers,
    nodes: graph.node.map((node, index) => decodeNode(node, index, where)),
    values: graph.valueInfo.map((value) => decodeValue(value, where)),
  };
  if (graph.sparseInitializer.length > 0) {
    fail("FILE", { where, expected: "dense initializers", got: `${graph.sparseInitializer.length} sparse ones` });
  }
  expectExecutable(model, where);
  return model;
}

function parse(bytes: Uint8Array, where: string): ModelProto {
  expectAffordable(ModelProtoSchema, bytes, where);
  try {
    return fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false, recursionLimit: DEEPEST_NESTING });
  } catch (cause) {
    throw new SpikeshipError("FILE", {
      where,
      expected: "an ONNX model (protobuf)",
      got: `${bytes.length} bytes that do not parse: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: "Is the file complete?",
      cause,
    });
  }
}

const LONGEST_QUOTE = 100;

/** Names come from the file and may be of any length. */
function shortened(name: string): string {
  return name.length <= LONGEST_QUOTE ? name : `${name.slice(0, LONGEST_QUOTE)}...`;
}

/** Outputs exist, values are written once, and every node reads only what stands before it: no cycles, no missing values. */
function expectExecutable(model: OnnxModel, where: string): void {
  const known = new Set<string>();
  const write = (name: string, place: string) => {
    if (name !== "" && known.has(name)) {
      fail("FILE", {
        where: `${where}: ${place}`,
        expected: "a value that is written once",
        got: `"${shortened(name)}" again`,
        hint: "ONNX names every value once: rename one of them.",
      });
    }
    known.add(name);
  };
  for (const { name } of [...model.inputs, ...model.initializers]) write(name, "inputs and initializers");
  for (const node of model.nodes) {
    const missing = node.inputs.find((name) => name !== "" && !known.has(name));
    if (missing !== undefined) {
      fail("FILE", {
        where: `${where}: node "${shortened(node.name)}" (${node.op})`,
        expected: "inputs that earlier nodes, graph inputs or initializers provide",
        got: `"${shortened(missing)}"`,
        hint: "The graph is cyclic, out of order or incomplete.",
      });
    }
    for (const output of node.outputs) write(output, `node "${shortened(node.name)}" (${node.op})`);
  }
  const lost = model.outputs.find(({ name }) => !known.has(name));
  if (model.outputs.length === 0 || lost) {
    fail("FILE", { where, expected: "graph outputs that a node writes", got: lost ? `"${lost.name}"` : "no output" });
  }
}

function decodeValue(value: ValueInfoProto, where: string): OnnxValue {
  const type = value.type?.value;
  if (type?.case !== "tensorType") return { name: value.name, type: "undefined", shape: null };
  const { elemType, shape } = type.value;
  return {
    name: value.name,
    type: elementTypeOf(elemType),
    shape:
      shape?.dim.map((dimension) => {
        if (dimension.value.case === "dimValue")
          return smallInteger(dimension.value.value, `${where}: "${value.name}"`);
        return dimension.value.case === "dimParam" ? dimension.value.value : null;
      }) ?? null,
  };
}

function decodeNode(node: NodeProto, index: number, where: string): OnnxNode {
  const name = node.name === "" ? `${node.opType}_${index}` : node.name;
  return {
    name,
    op: node.opType,
    domain: node.domain === "ai.onnx" ? "" : node.domain,
    inputs: [...node.input],
    outputs: [...node.output],
    attributes: Object.fromEntries(
      node.attribute.map((attribute) => [attribute.name, decodeAttribute(attribute, `${where}: node "${name}"`)]),
    ),
  };
}

const utf8 = new TextDecoder();

function decodeAttribute(attribute: AttributeProto, where: string): OnnxAttribute {
  const Type = AttributeProto_AttributeType;
  const place = `${where} attribute ${attribute.name}`;
  switch (attribute.type) {
    case Type.INT:
      return { kind: "int", value: smallInteger(attribute.i, place) };
    case Type.INTS:
      return { kind: "ints", value: attribute.ints.map((i) => smallInteger(i, place)) };
    case Type.FLOAT:
      return { kind: "float", value: attribute.f };
    case Type.FLOATS:
      return { kind: "floats", value: attribute.floats };
    case Type.STRING:
      return { kind: "string", value: utf8.decode(attribute.s) };
    case Type.TENSOR:
      if (attribute.t) return { kind: "tensor", value: decodeTensor(attribute.t, place) };
      return { kind: "unread", value: "empty tensor" };
    case Type.GRAPH:
    case Type.GRAPHS:
      return { kind: "unread", value: "graph" };
    default:
      return { kind: "unread", value: Type[attribute.type] ?? `type ${attribute.type}` };
  }
}
