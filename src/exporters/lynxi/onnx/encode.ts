/** A plain ONNX model as protobuf bytes. The same model always gives the same bytes: fields are written in the order of their numbers. */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { fail } from "../../../core/index.ts";
import {
  ELEMENT_TYPES,
  type ElementType,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from "./onnx-model.ts";

export function encodeOnnx(model: OnnxModel): Uint8Array {
  const opsets = [{ domain: "", version: model.opset }, ...model.domains];
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: BigInt(model.irVersion),
      producerName: model.producer,
      producerVersion: model.producerVersion,
      opsetImport: opsets.map(({ domain, version }) =>
        create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) }),
      ),
      graph: create(GraphProtoSchema, {
        name: model.graphName,
        node: model.nodes.map(encodeNode),
        initializer: model.initializers.map(encodeTensor),
        input: model.inputs.map(encodeValue),
        output: model.outputs.map(encodeValue),
        valueInfo: model.values.map(encodeValue),
      }),
    }),
  );
}

/** Bytes that the numbers of a model take in a file; names and structure add little. */
export function encodedSize(model: OnnxModel): number {
  return model.initializers.reduce((sum, { data }) => sum + data.byteLength, 0);
}

function typeId(type: ElementType, where: string): number {
  if (type === "other") fail("TARGET", { where, expected: "an element type of ONNX 1.20", got: "an unknown one" });
  return ELEMENT_TYPES[type];
}

function encodeValue({ name, type, shape }: OnnxValue): ValueInfoProto {
  const dimensions = shape?.map((size) => {
    if (size === null) return create(TensorShapeProto_DimensionSchema, {});
    return create(TensorShapeProto_DimensionSchema, {
      value: typeof size === "number" ? { case: "dimValue", value: BigInt(size) } : { case: "dimParam", value: size },
    });
  });
  const tensor = create(TypeProto_TensorSchema, {
    elemType: typeId(type, name),
    ...(dimensions ? { shape: create(TensorShapeProtoSchema, { dim: dimensions }) } : {}),
  });
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, { value: { case: "tensorType", value: tensor } }),
  });
}

function encodeTensor({ name, type, shape, data }: OnnxTensor): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: typeId(type, name),
    dims: shape.map(BigInt),
    // raw data is little-endian, as every machine that Node runs on
    rawData: new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
  });
}

function encodeNode(node: OnnxNode) {
  return create(NodeProtoSchema, {
    name: node.name,
    opType: node.op,
    domain: node.domain,
    input: node.inputs,
    output: node.outputs,
    attribute: Object.entries(node.attributes).map(([name, attribute]) => encodeAttribute(name, attribute, node)),
  });
}

const utf8 = new TextEncoder();

function encodeAttribute(name: string, attribute: OnnxAttribute, node: OnnxNode) {
  const Type = AttributeProto_AttributeType;
  switch (attribute.kind) {
    case "int":
      return create(AttributeProtoSchema, { name, type: Type.INT, i: BigInt(attribute.value) });
    case "ints":
      return create(AttributeProtoSchema, { name, type: Type.INTS, ints: attribute.value.map(BigInt) });
    case "float":
      return create(AttributeProtoSchema, { name, type: Type.FLOAT, f: attribute.value });
    case "floats":
      return create(AttributeProtoSchema, { name, type: Type.FLOATS, floats: attribute.value });
    case "string":
      return create(AttributeProtoSchema, {
        name,
        type: Type.STRING,
        s: utf8.encode(attribute.value) as Uint8Array<ArrayBuffer>,
      });
    case "tensor":
      return create(AttributeProtoSchema, { name, type: Type.TENSOR, t: encodeTensor(attribute.value) });
    case "unread":
      return fail("TARGET", {
        where: `ONNX node "${node.name}" attribute ${name}`,
        expected: "numbers, a string or a tensor",
        got: attribute.value,
        hint: "Such attributes are only named, never written again.",
      });
  }
}
