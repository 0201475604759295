/**
 * The safetensors format: 8 bytes header length (little-endian), a JSON header, the numbers. Reads any such file, writes ours.
 * It knows arrays and text, not networks. Format: huggingface.co/docs/safetensors, section "Format".
 */
import { z } from "zod";
import { fail, parseWith, readBytes, sizeOf, withOpenFile, writeFileAtomic } from "../../core/index.ts";
import { duplicateKey } from "./duplicate-keys.ts";
import { STORED_DTYPES, type StoredArray, type StoredDType, type StoredTensor } from "./stored.ts";

/** The limit of the format's own reader. */
const LARGEST_HEADER = 100_000_000;
const ALIGNMENT = 8;

const dtypeNames = Object.keys(STORED_DTYPES) as [StoredDType, ...StoredDType[]];
const size = z.int().min(0);
const entrySchema = z.strictObject({
  dtype: z.enum(dtypeNames),
  shape: z.array(size),
  data_offsets: z.tuple([size, size]),
});

/** What the header says of one array. `begin` and `end`: bytes of the file. */
export interface SafetensorsEntry {
  dtype: StoredDType;
  shape: number[];
  begin: number;
  end: number;
}

export interface Safetensors {
  metadata: Record<string, string>;
  tensors: Map<string, StoredTensor>;
}

export interface SafetensorsHeader {
  metadata: Record<string, string>;
  entries: Map<string, SafetensorsEntry>;
}

/** Reads only the header: names, types, shapes and places, all checked against the file's size. @throws FILE */
export function readSafetensorsHeader(path: string): SafetensorsHeader {
  return withOpenFile(path, (file, bytes) => readHeader(path, file, bytes));
}

/**
 * Reads a file. `wanted`: only the arrays whose names it accepts are read from disk.
 * @throws FILE when the file is missing, truncated, or not what its header says.
 */
export function readSafetensors(path: string, wanted: (name: string) => boolean = () => true): Safetensors {
  return withOpenFile(path, (file, bytes) => {
    const { metadata, entries } = readHeader(path, file, bytes);
    const tensors = new Map<string, StoredTensor>();
    for (const [name, { dtype, shape, begin, end }] of entries) {
      if (!wanted(name)) continue;
      const { array: ArrayType } = STORED_DTYPES[dtype];
      const data = new ArrayType(readBytes(path, file, begin, end - begin).buffer);
      tensors.set(name, { dtype, shape, data });
    }
    return { metadata, tensors };
  });
}

function readHeader(path: string, file: number, fileBytes: number): SafetensorsHeader {
  if (fileBytes < 8)
    fail("FILE", { where: path, expected: "a safetensors file of at least 8 bytes", got: `${fileBytes}` });
  const length = Number(new DataView(readBytes(path, file, 0, 8).buffer).getBigUint64(0, true));
  const largest = Math.min(LARGEST_HEADER, fileBytes - 8);
  if (length > largest || length < 2) {
    fail("FILE", {
      where: `${path}: header length (bytes 0 to 7)`,
      expected: `2 to ${largest}`,
      got: `${length}`,
      hint: "The file is truncated or not a safetensors file.",
    });
  }
  const header = parseHeader(`${path}: header`, readBytes(path, file, 8, length));
  const { __metadata__: metadata = {}, ...arrays } = header;
  const entries = new Map<string, SafetensorsEntry>();
  for (const [name, value] of Object.entries(arrays)) {
    entries.set(name, checkEntry(`${path}: "${name}"`, value, 8 + length, fileBytes));
  }
  checkCoverage(path, entries, 8 + length, fileBytes);
  return { metadata: checkMetadata(`${path}: __metadata__`, metadata), entries };
}

function parseHeader(where: string, bytes: Uint8Array): Record<string, unknown> {
  let header: unknown;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    header = JSON.parse(text);
  } catch (cause) {
    fail("FILE", { where, expected: "JSON text in UTF-8", got: (cause as Error).message, cause });
  }
  if (header === null || typeof header !== "object" || Array.isArray(header)) {
    fail("FILE", { where, expected: "a JSON object", got: Array.isArray(header) ? "an array" : `${header}` });
  }
  const repeated = duplicateKey(text);
  if (repeated !== null) fail("FILE", { where, expected: "every name once", got: `"${repeated}" twice` });
  return header as Record<string, unknown>;
}

/** Without zod, whose records drop a key named `__proto__` silently. */
function checkMetadata(where: string, value: unknown): Record<string, string> {
  const entries =
    value !== null && typeof value === "object" && !Array.isArray(value) ? Object.entries(value) : [["", 0]];
  for (const [key, text] of entries) {
    if (typeof text !== "string")
      fail("FILE", { where, expected: "names with texts", got: `"${key}": ${typeof text}` });
  }
  return Object.fromEntries(entries) as Record<string, string>;
}

function checkEntry(where: string, value: unknown, dataStart: number, fileBytes: number): SafetensorsEntry {
  const { dtype, shape, data_offsets } = parseWith(entrySchema, value, where, "FILE");
  const [begin, end] = [dataStart + data_offsets[0], dataStart + data_offsets[1]];
  if (begin > end || end > fileBytes) {
    fail("FILE", {
      where: `${where}: data_offsets`,
      expected: `a span within the ${fileBytes - dataStart} bytes of data`,
      got: `${data_offsets[0]} to ${data_offsets[1]}`,
      hint: "The file is truncated or damaged.",
    });
  }
  const needed = sizeOf(shape) * STORED_DTYPES[dtype].bytes;
  if (needed !== end - begin) {
    fail("FILE", { where, expected: `${needed} bytes for ${dtype} [${shape.join(",")}]`, got: `${end - begin}` });
  }
  return { dtype, shape, begin, end };
}

/** Every byte of the data belongs to exactly one array: nothing hidden, nothing shared. */
function checkCoverage(
  path: string,
  entries: ReadonlyMap<string, SafetensorsEntry>,
  dataStart: number,
  fileBytes: number,
): void {
  const inOrder = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let reached = dataStart;
  for (const [name, { begin, end }] of inOrder) {
    if (begin !== reached) {
      fail("FILE", {
        where: `${path}: "${name}"`,
        expected: `data from byte ${reached}, where the array before it ends`,
        got: `from byte ${begin}`,
      });
    }
    reached = end;
  }
  if (reached !== fileBytes) {
    fail("FILE", { where: path, expected: `${reached} bytes, as its header says`, got: `${fileBytes}` });
  }
}

/**
 * Writes arrays and text, all or nothing. The same content gives the same bytes: widest element type first (so that every array is
 * aligned without holes, which the format forbids), then by name. @throws WRITE
 */
export function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>> = {},
): void {
  writeFileAtomic(path, encodeSafetensors(tensors, metadata));
}

/** The bytes of a file in pieces, without copying the numbers. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array[] {
  const ordered = [...tensors].sort(([nameA, a], [nameB, b]) => {
    const width = STORED_DTYPES[b.dtype].bytes - STORED_DTYPES[a.dtype].bytes;
    return width || (nameA < nameB ? -1 : 1);
  });
  const header: [string, unknown][] = [];
  const sortedMetadata = Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)));
  if (Object.keys(metadata).length > 0) header.push(["__metadata__", sortedMetadata]);
  const pieces: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { dtype, shape, data }] of ordered) {
    checkWritable(name, dtype, shape, data);
    header.push([name, { dtype, shape, data_offsets: [offset, offset + data.byteLength] }]);
    pieces.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    offset += data.byteLength;
  }
  return [encodeHeader(Object.fromEntries(header)), ...pieces];
}

function checkWritable(name: string, dtype: StoredDType, shape: number[], data: StoredArray): void {
  const where = `safetensors "${name}"`;
  if (name === "__metadata__") fail("OPTION", { where, expected: "another name", got: "the format's own" });
  if (data.length !== sizeOf(shape) || !(data instanceof STORED_DTYPES[dtype].array)) {
    fail("SHAPE", {
      where,
      expected: `${sizeOf(shape)} numbers of type ${dtype}`,
      got: `${data.length} in a ${data.constructor.name}`,
    });
  }
}

/** Length and JSON, padded with spaces so that the numbers begin at a multiple of eight bytes. */
function encodeHeader(header: object): Uint8Array {
  const json = Buffer.from(JSON.stringify(header), "utf8");
  const length = Math.ceil(json.length / ALIGNMENT) * ALIGNMENT;
  const bytes = Buffer.alloc(8 + length, " ");
  bytes.writeBigUInt64LE(BigInt(length), 0);
  json.copy(bytes, 8);
  return bytes;
}
