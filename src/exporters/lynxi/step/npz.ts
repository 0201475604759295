/**
 * Writes NumPy's .npz: a zip archive of .npy files, stored without compression, the same bytes every time. NumPy loads it without executing
 * anything. Formats: numpy/lib/format.py (version 1.0 of .npy), PKWARE's APPNOTE.TXT. No zip64.
 */
import { crc32 } from "../../../core/index.ts";

export interface StoredArray {
  name: string;
  shape: readonly number[];
  /** Bits of float16 numbers. */
  bits: Uint16Array;
}

const LOCAL_HEADER = 0x04034b50;
const DIRECTORY_ENTRY = 0x02014b50;
const END_OF_DIRECTORY = 0x06054b50;
/** Version of the format that stored entries need, times ten. */
const ZIP_VERSION = 20;
/** 1 January 1980, the first day that zip knows: a file says nothing of when it was written. */
const FIRST_DAY = 0x21;
const NPY_ALIGNMENT = 64;
const NPY_PREFIX_BYTES = 10;

export function npzBytes(arrays: readonly StoredArray[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const array of arrays) {
    const name = new TextEncoder().encode(`${array.name}.npy`);
    const content = npyBytes(array);
    const common = commonHeader(name, content);
    const local = joined([words32(LOCAL_HEADER), common, name, content]);
    directory.push(joined([words32(DIRECTORY_ENTRY), words16(ZIP_VERSION), common, entryTail(offset), name]));
    parts.push(local);
    offset += local.length;
  }
  const entries = joined(directory);
  const count = arrays.length;
  const end = joined([
    words32(END_OF_DIRECTORY),
    words16(0, 0, count, count),
    words32(entries.length, offset),
    words16(0),
  ]);
  return joined([...parts, entries, end]);
}

/** What the local header and the directory's entry share: from the version to the lengths of name and extra field. */
function commonHeader(name: Uint8Array, content: Uint8Array): Uint8Array {
  const [flags, stored, time] = [0, 0, 0];
  return joined([
    words16(ZIP_VERSION, flags, stored, time, FIRST_DAY),
    words32(crc32(content), content.length, content.length),
    words16(name.length, 0),
  ]);
}

/** Comment, disk, attributes: none; then where the local header is. */
function entryTail(offset: number): Uint8Array {
  return joined([words16(0, 0, 0), words32(0, offset)]);
}

function npyBytes({ shape, bits }: StoredArray): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const text = `{'descr': '<f2', 'fortran_order': False, 'shape': ${tuple}, }`;
  const length = Math.ceil((NPY_PREFIX_BYTES + text.length + 1) / NPY_ALIGNMENT) * NPY_ALIGNMENT - NPY_PREFIX_BYTES;
  const header = new TextEncoder().encode(`${text.padEnd(length - 1)}\n`);
  const magic = Uint8Array.of(0x93, ...new TextEncoder().encode("NUMPY"), 1, 0);
  return joined([magic, words16(length), header, new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength)]);
}

/** Little-endian, as zip and the machines we run on. */
const words16 = (...numbers: number[]): Uint8Array => new Uint8Array(Uint16Array.from(numbers).buffer);
const words32 = (...numbers: number[]): Uint8Array => new Uint8Array(Uint32Array.from(numbers).buffer);

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
