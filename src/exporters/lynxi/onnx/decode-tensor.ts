/** Numbers of an ONNX tensor, in whichever of the two ways a file stores them. */
import { type TensorProto, TensorProto_DataLocation } from "onnx-buf";
import { fail } from "../../../core/index.ts";
import { elementBytes, elementTypeOf, type OnnxTensor, type TensorData } from "./onnx-model.ts";

/** A whole number that JavaScript holds exactly. @throws FILE */
export function smallInteger(value: bigint, where: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) fail("FILE", { where, expected: "a whole number below 2^53", got: `${value}` });
  return number;
}

/** `where`: file and tensor, for messages. @throws FILE when the numbers do not fill the shape */
export function decodeTensor(tensor: TensorProto, where: string): OnnxTensor {
  const type = elementTypeOf(tensor.dataType);
  const shape = tensor.dims.map((size) => smallInteger(size, where));
  if (tensor.dataLocation === TensorProto_DataLocation.EXTERNAL || tensor.externalData.length > 0) {
    return { name: tensor.name, type, shape, data: new Uint8Array(0), external: true };
  }
  const bytes = elementBytes(type);
  if (bytes === null) return { name: tensor.name, type, shape, data: tensor.rawData };
  const count = shape.reduce((product, size) => product * size, 1);
  const data = tensor.rawData.length > 0 ? fromRaw(type, tensor.rawData, bytes) : fromFields(type, tensor);
  if (data.length !== count || shape.some((size) => size < 0)) {
    fail("FILE", { where, expected: `${count} numbers of shape [${shape}]`, got: `${data.length}` });
  }
  return { name: tensor.name, type, shape, data };
}

/** A copy, because raw data stands at any byte of the file and typed arrays want alignment (a Buffer's own `slice` would copy nothing). */
function fromRaw(type: OnnxTensor["type"], raw: Uint8Array, bytes: number): TensorData {
  const copy = new Uint8Array(raw.subarray(0, raw.length - (raw.length % bytes))).buffer;
  if (type === "float32") return new Float32Array(copy);
  if (type === "float64") return new Float64Array(copy);
  if (type === "float16") return new Uint16Array(copy);
  if (type === "int64") return new BigInt64Array(copy);
  if (type === "int32") return new Int32Array(copy);
  return type === "int8" ? new Int8Array(copy) : new Uint8Array(copy);
}

/** The older storage: a repeated field for each family of types. float16 stands as bits in `int32_data`. */
function fromFields(type: OnnxTensor["type"], tensor: TensorProto): TensorData {
  if (type === "float32") return Float32Array.from(tensor.floatData);
  if (type === "float64") return Float64Array.from(tensor.doubleData);
  if (type === "int64") return BigInt64Array.from(tensor.int64Data);
  if (type === "float16") return Uint16Array.from(tensor.int32Data);
  if (type === "int32") return Int32Array.from(tensor.int32Data);
  return type === "int8" ? Int8Array.from(tensor.int32Data) : Uint8Array.from(tensor.int32Data);
}
