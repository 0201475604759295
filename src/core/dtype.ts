/** The one table of element types: bytes, typed array and the number by which the native core knows each. */
export const DTYPES = {
  float32: { bytes: 4, id: 0, array: Float32Array },
  float16: { bytes: 2, id: 1, array: Uint16Array },
  int32: { bytes: 4, id: 2, array: Int32Array },
  uint8: { bytes: 1, id: 3, array: Uint8Array },
  bfloat16: { bytes: 2, id: 4, array: Uint16Array },
} as const;

export type DType = keyof typeof DTYPES;

/** Raw storage of a dtype; float16 and bfloat16 are held as their 16 bits. */
export type RawArray = Float32Array | Uint16Array | Int32Array | Uint8Array;
