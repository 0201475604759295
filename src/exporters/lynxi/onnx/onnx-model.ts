/**
 * An ONNX model as plain data: what `decode` makes of a file, what the builder makes of a network, and what rules, twin and emulator read.
 * It knows nothing of protobuf (`encode.ts`, `decode.ts`) and nothing of networks (`lower.ts`).
 */
import { float16BitsToNumber } from "../emulation/float16.ts";

/** Numbers of the ONNX enumeration TensorProto.DataType (onnx.proto3 of ONNX 1.20). */
export const ELEMENT_TYPES = {
  undefined: 0,
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  complex64: 14,
  complex128: 15,
  bfloat16: 16,
} as const;

/** `other`: a number that the table above does not know (8-bit and 4-bit types of newer ONNX). */
export type ElementType = keyof typeof ELEMENT_TYPES | "other";

export function elementTypeOf(id: number): ElementType {
  const found = Object.entries(ELEMENT_TYPES).find(([, number]) => number === id);
  return (found?.[0] as ElementType | undefined) ?? "other";
}

/** Bytes of one element, for the types whose numbers we read; null for the rest. */
export function elementBytes(type: ElementType): number | null {
  const bytes: Partial<Record<ElementType, number>> = {
    float32: 4,
    float16: 2,
    float64: 8,
    int64: 8,
    int32: 4,
    uint8: 1,
    int8: 1,
    bool: 1,
  };
  return bytes[type] ?? null;
}

/** float16 as its bits, bool as bytes; types whose numbers we do not read as raw bytes. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Uint16Array
  | BigInt64Array
  | Int32Array
  | Int8Array
  | Uint8Array;

export interface OnnxTensor {
  name: string;
  type: ElementType;
  shape: number[];
  data: TensorData;
  /** Numbers live in another file: only the name and shape are known. */
  external?: boolean;
}

export type OnnxAttribute =
  | { kind: "int"; value: number }
  | { kind: "ints"; value: number[] }
  | { kind: "float"; value: number }
  | { kind: "floats"; value: number[] }
  | { kind: "string"; value: string }
  | { kind: "tensor"; value: OnnxTensor }
  /** Subgraphs, sparse tensors and the like: named, not read. */
  | { kind: "unread"; value: string };

export const int = (value: number): OnnxAttribute => ({ kind: "int", value });
export const ints = (value: readonly number[]): OnnxAttribute => ({ kind: "ints", value: [...value] });

export interface OnnxNode {
  name: string;
  op: string;
  domain: string;
  /** An empty name is an optional input that is not given. */
  inputs: string[];
  outputs: string[];
  attributes: Record<string, OnnxAttribute>;
}

/** Name, type and shape of a value. A dimension is a number, a symbol, or null where the file says nothing. */
export interface OnnxValue {
  name: string;
  type: ElementType;
  shape: (number | string | null)[] | null;
}

export interface OnnxModel {
  irVersion: number;
  /** Version of the default operator domain. */
  opset: number;
  /** Further domains the file imports. */
  domains: { domain: string; version: number }[];
  producer: string;
  producerVersion: string;
  graphName: string;
  /** Graph inputs without those that an initializer fills. */
  inputs: OnnxValue[];
  outputs: OnnxValue[];
  initializers: OnnxTensor[];
  /** In execution order. */
  nodes: OnnxNode[];
  /** Declared types and shapes of intermediate values. */
  values: OnnxValue[];
}

export function intAttribute(node: OnnxNode, name: string, byDefault: number): number {
  const attribute = node.attributes[name];
  return attribute?.kind === "int" ? attribute.value : byDefault;
}

export function intsAttribute(node: OnnxNode, name: string): number[] | null {
  const attribute = node.attributes[name];
  return attribute?.kind === "ints" ? attribute.value : null;
}

export function floatAttribute(node: OnnxNode, name: string, byDefault: number): number {
  const attribute = node.attributes[name];
  return attribute?.kind === "float" ? attribute.value : byDefault;
}

export function stringAttribute(node: OnnxNode, name: string, byDefault: string): string {
  const attribute = node.attributes[name];
  return attribute?.kind === "string" ? attribute.value : byDefault;
}

/** Numbers of a tensor, whatever they are stored as. float16 bits are decoded. */
export function tensorNumbers(tensor: OnnxTensor): number[] {
  if (tensor.data instanceof Uint16Array) return Array.from(tensor.data, float16BitsToNumber);
  return Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}

export function isFloatType(type: ElementType): boolean {
  return type === "float32" || type === "float16" || type === "float64" || type === "bfloat16";
}

/** The tensor that a Constant node holds, or null. */
export function constantTensor(node: OnnxNode): OnnxTensor | null {
  if (node.op !== "Constant") return null;
  const name = node.outputs[0] ?? "";
  const { value, value_float, value_floats, value_int, value_ints } = node.attributes;
  if (value?.kind === "tensor") return { ...value.value, name };
  if (value_float?.kind === "float")
    return { name, type: "float32", shape: [], data: Float32Array.of(value_float.value) };
  if (value_floats?.kind === "floats") {
    return { name, type: "float32", shape: [value_floats.value.length], data: Float32Array.from(value_floats.value) };
  }
  if (value_int?.kind === "int")
    return { name, type: "int64", shape: [], data: BigInt64Array.of(BigInt(value_int.value)) };
  if (value_ints?.kind === "ints") {
    return {
      name,
      type: "int64",
      shape: [value_ints.value.length],
      data: BigInt64Array.from(value_ints.value, BigInt),
    };
  }
  return null;
}

/** Every stored tensor: initializers and the contents of Constant nodes. */
export function storedTensors(model: OnnxModel): OnnxTensor[] {
  return [...model.initializers, ...model.nodes.flatMap((node) => constantTensor(node) ?? [])];
}
