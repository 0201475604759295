/** Numbers as files hold them: the element types of safetensors and PyTorch files, and the way to and from tensors and float32. */
import { getFloat16 } from "@petamoriken/float16";
import { type DType, fail, formatShape, type Shape, sizeOf } from "../../core/index.ts";
import { Tensor, type TensorOptions } from "../../tensor/index.ts";

/** Element types by their safetensors names. float16 and bfloat16 are held as their 16 bits. */
export const STORED_DTYPES = {
  F64: { bytes: 8, array: Float64Array },
  F32: { bytes: 4, array: Float32Array },
  F16: { bytes: 2, array: Uint16Array },
  BF16: { bytes: 2, array: Uint16Array },
  I64: { bytes: 8, array: BigInt64Array },
  I32: { bytes: 4, array: Int32Array },
  I16: { bytes: 2, array: Int16Array },
  I8: { bytes: 1, array: Int8Array },
  U8: { bytes: 1, array: Uint8Array },
  BOOL: { bytes: 1, array: Uint8Array },
} as const;

export type StoredDType = keyof typeof STORED_DTYPES;
export type StoredArray =
  | Float64Array
  | Float32Array
  | Uint16Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array;

/** One array of a file: element type, shape, and the numbers in row-major order. */
export interface StoredTensor {
  dtype: StoredDType;
  shape: number[];
  data: StoredArray;
}

const TENSOR_DTYPES: Record<DType, StoredDType> = {
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int32: "I32",
  uint8: "U8",
};

/** Reads bytes (aligned or not) as an array of a type, little-endian; the numbers are copied. */
export function arrayOfBytes(dtype: StoredDType, bytes: Uint8Array): StoredArray {
  const { array: ArrayType } = STORED_DTYPES[dtype];
  return new ArrayType(bytes.slice().buffer as ArrayBuffer);
}

/** A tensor's numbers, copied out. */
export function storedFromTensor(tensor: Tensor): StoredTensor {
  return { dtype: TENSOR_DTYPES[tensor.dtype], shape: [...tensor.shape], data: tensor.toArray() };
}

/** float32 numbers with a shape, as a file holds them. @throws SHAPE when they do not fit each other. */
export function storedFloats(data: Float32Array, shape: Shape): StoredTensor {
  if (data.length !== sizeOf(shape)) {
    fail("SHAPE", {
      where: "array",
      expected: `${sizeOf(shape)} numbers for ${formatShape(shape)}`,
      got: `${data.length}`,
    });
  }
  return { dtype: "F32", shape: [...shape], data };
}

/** The numbers as float32: wider floats are rounded, whole numbers converted. `where` and `name` are for the message. */
export function toFloat32(where: string, name: string, stored: StoredTensor): Float32Array {
  const { dtype, data } = stored;
  if (data instanceof Float32Array) return data;
  if (data instanceof BigInt64Array) {
    return Float32Array.from(data, (value) => {
      const number = Number(value);
      if (!Number.isSafeInteger(number)) {
        fail("VALUE", { where: `${where}: "${name}"`, expected: "whole numbers below 2^53", got: `${value}` });
      }
      return number;
    });
  }
  if (dtype === "F16") {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    return Float32Array.from({ length: data.length }, (_, i) => getFloat16(view, i * 2, true));
  }
  if (dtype === "BF16") {
    const bits = Uint32Array.from(data, (value) => value << 16);
    return new Float32Array(bits.buffer);
  }
  return Float32Array.from(data);
}

/** A float32 tensor of stored numbers; float16 values are widened, double values rounded. Weights must be finite. */
export function tensorFromStored(where: string, name: string, stored: StoredTensor, options?: TensorOptions): Tensor {
  const data = toFloat32(where, name, stored);
  refuseNonFinite(where, name, data);
  return Tensor.from(data, stored.shape, options);
}

/** @throws VALUE naming the first NaN or infinite number of an array. */
export function refuseNonFinite(where: string, name: string, data: ArrayLike<number>): void {
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i])) {
      fail("VALUE", {
        where: `${where}: "${name}"[${i}]`,
        expected: "finite numbers",
        got: `${data[i]}`,
        hint: "Train again with a smaller learning rate or with gradient clipping.",
      });
    }
  }
}
