/**
 * NumPy's .npy files, versions 1 to 3, read and written: one array of booleans, integers or floats. Structured types, objects and
 * .npz archives are refused. Format: numpy/lib/format.py ("Format Version 1.0" to "3.0").
 */
import { Float16Array } from "@petamoriken/float16";
import { fail, formatShape, readFileChecked, type Shape, sizeOf, writeFileAtomic } from "../core/index.ts";

/** Element types by NumPy's name: kind letter and bytes of `descr`, and the array that holds them in memory. */
const ELEMENTS = {
  bool: { code: "b1", bytes: 1, array: Uint8Array },
  uint8: { code: "u1", bytes: 1, array: Uint8Array },
  int8: { code: "i1", bytes: 1, array: Int8Array },
  uint16: { code: "u2", bytes: 2, array: Uint16Array },
  int16: { code: "i2", bytes: 2, array: Int16Array },
  uint32: { code: "u4", bytes: 4, array: Uint32Array },
  int32: { code: "i4", bytes: 4, array: Int32Array },
  int64: { code: "i8", bytes: 8, array: Float64Array },
  float16: { code: "f2", bytes: 2, array: Float32Array },
  float32: { code: "f4", bytes: 4, array: Float32Array },
  float64: { code: "f8", bytes: 8, array: Float64Array },
} as const;

export type NpyType = keyof typeof ELEMENTS;
export type NpyData =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

export interface NpyArray {
  dtype: NpyType;
  shape: number[];
  /** Row-major. bool as 0 and 1, float16 as float32, int64 as float64 (whole numbers). */
  data: NpyData;
}

/** Most elements of one array: what a typed array of Node holds safely. */
const MOST_ELEMENTS = 2 ** 31 - 1;
const LARGEST_HEADER = 65_536;
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** Data begins at a multiple of this. */
const ALIGNMENT = 64;

/** @throws FILE when the file is missing or is no such array. */
export function readNpy(path: string): NpyArray {
  return decodeNpy(readFileChecked(path), path);
}

/** @throws FILE naming `where` and the byte or field at fault. Nothing is allocated before all sizes fit the bytes that are there. */
export function decodeNpy(bytes: Uint8Array, where: string): NpyArray {
  const { text, dataStart } = headerText(bytes, where);
  const { dtype, littleEndian, fortranOrder, shape } = parseHeader(text, where);
  const element = ELEMENTS[dtype];
  const count = sizeOf(shape);
  if (count > MOST_ELEMENTS || count * element.bytes !== bytes.length - dataStart) {
    fail("FILE", {
      where,
      expected: `${count * element.bytes} bytes for ${dtype} ${formatShape(shape)}`,
      got: `${bytes.length - dataStart} bytes after the header`,
      hint: "The file is truncated or damaged.",
    });
  }
  const data = decodeElements(bytes.subarray(dataStart), dtype, littleEndian, count, where);
  return { dtype, shape, data: fortranOrder && shape.length > 1 ? toRowMajor(data, shape) : data };
}

function headerText(bytes: Uint8Array, where: string): { text: string; dataStart: number } {
  if (bytes.length < 10 || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    fail("FILE", {
      where,
      expected: "a NumPy .npy file",
      got: bytes.length === 0 ? "an empty file" : "other bytes at the start",
      hint: "Save the array with numpy.save.",
    });
  }
  const version = bytes[6]!;
  if (version < 1 || version > 3) {
    fail("FILE", { where: `${where}: byte 6`, expected: "format version 1, 2 or 3", got: `${version}` });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = version === 1 ? 10 : 12;
  const length = version === 1 ? view.getUint16(8, true) : bytes.length < 12 ? Infinity : view.getUint32(8, true);
  if (length > Math.min(LARGEST_HEADER, bytes.length - start)) {
    fail("FILE", {
      where: `${where}: byte 8`,
      expected: `a header within the file and of at most ${LARGEST_HEADER} bytes`,
      got: `${length} bytes`,
      hint: "The file is truncated or damaged.",
    });
  }
  return { text: new TextDecoder("utf-8").decode(bytes.subarray(start, start + length)), dataStart: start + length };
}

interface Header {
  dtype: NpyType;
  littleEndian: boolean;
  fortranOrder: boolean;
  shape: number[];
}

/** One entry of the Python dictionary that the header is. */
const ENTRY =
  /\s*(["'])(descr|fortran_order|shape)\1\s*:\s*(?:(["'])([^"']*)\3|(True|False)|\(([\d\s,L]*)\))\s*(?:,|(?=\}))/y;

function parseHeader(text: string, where: string): Header {
  const entries: { descr?: string; fortran_order?: string; shape?: string } = {};
  let at = text.indexOf("{") + 1;
  for (ENTRY.lastIndex = at; at > 0; at = ENTRY.lastIndex) {
    const found = ENTRY.exec(text);
    if (!found) break;
    entries[found[2] as keyof typeof entries] = found[4] ?? found[5] ?? found[6];
  }
  const { descr, fortran_order: order, shape } = entries;
  const closed = /^\s*\}\s*$/.test(text.slice(Math.max(at, 0)));
  if (!closed || descr === undefined || shape === undefined || (order !== "True" && order !== "False")) {
    fail("FILE", {
      where: `${where}: header`,
      expected: "descr, fortran_order and shape of one simple array",
      got: text.trim().slice(0, 120),
      hint: "Structured and object arrays cannot be read.",
    });
  }
  const code = descr.slice(1);
  const dtype = (Object.keys(ELEMENTS) as NpyType[]).find((name) => ELEMENTS[name].code === code);
  if (!dtype || !"<>|=".includes(descr[0]!)) {
    fail("FILE", { where: `${where}: descr`, expected: Object.keys(ELEMENTS).join(", "), got: `"${descr}"` });
  }
  const sizes = shape.split(",").map((size) => size.replace("L", "").trim());
  if (sizes.at(-1) === "") sizes.pop();
  if (sizes.some((size) => !/^\d{1,15}$/.test(size))) {
    fail("FILE", { where: `${where}: shape`, expected: "whole sizes", got: `(${shape})` });
  }
  return { dtype, littleEndian: descr[0] !== ">", fortranOrder: order === "True", shape: sizes.map(Number) };
}

function decodeElements(
  bytes: Uint8Array,
  dtype: NpyType,
  littleEndian: boolean,
  count: number,
  where: string,
): NpyData {
  const { bytes: size, array } = ELEMENTS[dtype];
  const ordered = bytes.slice();
  if (!littleEndian && size > 1) {
    for (let start = 0; start < ordered.length; start += size) ordered.subarray(start, start + size).reverse();
  }
  if (dtype === "bool") return ordered.map((byte) => (byte === 0 ? 0 : 1));
  if (dtype === "float16") return Float32Array.from(new Float16Array(ordered.buffer));
  if (dtype === "int64") return wholeNumbers(new BigInt64Array(ordered.buffer), where);
  return new array(ordered.buffer, 0, count);
}

function wholeNumbers(values: BigInt64Array, where: string): Float64Array {
  const inexact = values.findIndex((value) => BigInt(Number(value)) !== value);
  if (inexact >= 0) {
    fail("FILE", {
      where: `${where}: element ${inexact}`,
      expected: "a whole number that float64 holds",
      got: `${values[inexact]}`,
    });
  }
  return Float64Array.from(values, Number);
}

/** The elements of a column-major array in row-major order. */
function toRowMajor(data: NpyData, shape: Shape): NpyData {
  const ordered = new (data.constructor as new (length: number) => NpyData)(data.length);
  const strides = shape.map((_, axis) => sizeOf(shape.slice(0, axis)));
  const index = new Array<number>(shape.length).fill(0);
  for (let i = 0, source = 0; i < data.length; i++) {
    ordered[i] = data[source]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      source += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      source -= index[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return ordered;
}

/** Writes version 1, row-major, little-endian, as `numpy.save` does; beside and renamed. @throws WRITE */
export function writeNpy(path: string, array: NpyArray): void {
  writeFileAtomic(path, encodeNpy(array));
}

/** @throws VALUE when the numbers do not fill the shape, or are not whole where the type is. */
export function encodeNpy({ dtype, shape, data }: NpyArray): Uint8Array {
  if (data.length !== sizeOf(shape)) {
    fail("VALUE", {
      where: "NumPy array",
      expected: `${sizeOf(shape)} numbers for ${formatShape(shape)}`,
      got: `${data.length}`,
    });
  }
  if (dtype === "int64" && !data.every(Number.isInteger)) {
    fail("VALUE", { where: "NumPy array of int64", expected: "whole numbers", got: "fractions" });
  }
  const { code, bytes: size } = ELEMENTS[dtype];
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const facts = `{'descr': '${size === 1 ? "|" : "<"}${code}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const padding = (ALIGNMENT - ((MAGIC.length + 4 + facts.length + 1) % ALIGNMENT)) % ALIGNMENT;
  const header = new TextEncoder().encode(`${facts}${" ".repeat(padding)}\n`);
  const encoded = new Uint8Array(MAGIC.length + 4 + header.length + data.length * size);
  encoded.set([...MAGIC, 1, 0, header.length & 255, header.length >> 8]);
  encoded.set(header, MAGIC.length + 4);
  encoded.set(elementBytes(dtype, data), MAGIC.length + 4 + header.length);
  return encoded;
}

function elementBytes(dtype: NpyType, data: NpyData): Uint8Array {
  const values =
    dtype === "float16"
      ? Float16Array.from(data)
      : dtype === "int64"
        ? BigInt64Array.from(data as unknown as number[], BigInt)
        : ELEMENTS[dtype].array.from(data);
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
