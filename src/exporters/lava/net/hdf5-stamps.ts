/**
 * Sets the time stamps of an HDF5 file to 0, so that the same network gives the same bytes at any time. libhdf5 writes four times into
 * every object header, and the wrapper used here cannot switch that off. Object headers of version 2 only, as that wrapper writes them.
 * Format: HDF5 File Format Specification, IV.A.1.b (object header) and VII.B (checksum: lookup3 by Bob Jenkins).
 */

const HEADER = [0x4f, 0x48, 0x44, 0x52]; // "OHDR"
const VERSION = 2;
const HAS_TIMES = 0x20;
const HAS_ATTRIBUTE_LIMITS = 0x10;
const CHUNK_SIZE_BYTES = 0x03;
const TIMES_AT = 6;
const TIMES_BYTES = 16;
const CHECKSUM_BYTES = 4;

/** Changes the bytes in place. Weights that happen to read "OHDR" are not touched: a header is known by its checksum. */
export function clearTimeStamps(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let start = bytes.indexOf(HEADER[0]!); start >= 0; start = bytes.indexOf(HEADER[0]!, start + 1)) {
    const end = headerEnd(view, start);
    if (end === null || view.getUint32(end, true) !== lookup3(bytes.subarray(start, end))) continue;
    bytes.fill(0, start + TIMES_AT, start + TIMES_AT + TIMES_BYTES);
    view.setUint32(end, lookup3(bytes.subarray(start, end)), true);
  }
}

/** Where the checksum of a header with times stands; null when there is no such header here. */
function headerEnd(view: DataView, start: number): number | null {
  const prefix = TIMES_AT + TIMES_BYTES + 4 + 8;
  if (start + prefix > view.byteLength || HEADER.some((byte, i) => view.getUint8(start + i) !== byte)) return null;
  const flags = view.getUint8(start + 5);
  if (view.getUint8(start + 4) !== VERSION || (flags & HAS_TIMES) === 0) return null;
  const at = start + TIMES_AT + TIMES_BYTES + (flags & HAS_ATTRIBUTE_LIMITS ? 4 : 0);
  const width = 1 << (flags & CHUNK_SIZE_BYTES);
  let size = 0;
  for (let i = 0; i < width; i++) size += view.getUint8(at + i) * 2 ** (8 * i);
  const end = at + width + size;
  return end + CHECKSUM_BYTES <= view.byteLength ? end : null;
}

const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));

/** Bob Jenkins' hash over bytes, with the start value 0. */
function lookup3(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = (0xdeadbeef + bytes.length) | 0;
  let [a, b, c] = [start, start, start];
  let at = 0;
  for (; bytes.length - at > 12; at += 12) {
    a = (a + view.getInt32(at, true)) | 0;
    b = (b + view.getInt32(at + 4, true)) | 0;
    c = (c + view.getInt32(at + 8, true)) | 0;
    [a, b, c] = mix(a, b, c);
  }
  if (at === bytes.length) return c >>> 0;
  const rest = new DataView(new ArrayBuffer(12));
  for (const [i, byte] of bytes.subarray(at).entries()) rest.setUint8(i, byte);
  a = (a + rest.getInt32(0, true)) | 0;
  b = (b + rest.getInt32(4, true)) | 0;
  c = (c + rest.getInt32(8, true)) | 0;
  return finish(a, b, c) >>> 0;
}

function mix(a: number, b: number, c: number): [number, number, number] {
  for (const [first, second, third] of [
    [4, 6, 8],
    [16, 19, 4],
  ] as const) {
    a = (a - c) ^ rotate(c, first);
    c = (c + b) | 0;
    b = (b - a) ^ rotate(a, second);
    a = (a + c) | 0;
    c = (c - b) ^ rotate(b, third);
    b = (b + a) | 0;
  }
  return [a, b, c];
}

function finish(a: number, b: number, c: number): number {
  for (const bits of [
    [14, 11, 25],
    [16, 4, 14],
  ] as const) {
    c = ((c ^ b) - rotate(b, bits[0])) | 0;
    a = ((a ^ c) - rotate(c, bits[1])) | 0;
    b = ((b ^ a) - rotate(a, bits[2])) | 0;
  }
  return ((c ^ b) - rotate(b, 24)) | 0;
}
