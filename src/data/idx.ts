/**
 * Reads IDX files (the format of MNIST: magic, sizes, bytes; all big-endian), plain or gzipped. Only unsigned bytes, which is what
 * every published image set in this format holds. It knows no dataset. Format: yann.lecun.com/exdb/mnist.
 */
import { constants, gunzipSync } from "node:zlib";
import { fail, formatShape, readFileChecked, sizeOf } from "../core/index.ts";

export interface IdxArray {
  shape: number[];
  data: Uint8Array;
}

const UNSIGNED_BYTE = 0x08;
const LARGEST_RANK = 4;
/** So much compressed input always yields the header, and never more than a few megabytes of output. */
const PREFIX = 4096;
/** Deflate cannot compress better than 1032 to 1 (zlib technical details, "Maximum Compression Factor"). */
const LARGEST_RATIO = 1032;
const NOT_IDX = "Is it an IDX file, such as train-images-idx3-ubyte or its .gz?";

/**
 * The array of a file. The sizes in its header are checked against the file before memory is taken for them.
 * @throws FILE naming the byte: wrong magic, truncated, extra bytes, damaged compression.
 */
export function readIdx(path: string): IdxArray {
  const bytes = readFileChecked(path);
  const gzipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const start = gzipped ? unzip(path, bytes.subarray(0, PREFIX), undefined) : bytes;
  const shape = readHeader(path, start);
  const header = 4 + 4 * shape.length;
  const total = header + sizeOf(shape);
  if (gzipped && total > bytes.length * LARGEST_RATIO + PREFIX)
    failLength(path, shape, total, `${bytes.length} compressed`);
  const whole = gzipped ? unzip(path, bytes, total) : bytes;
  if (whole.length !== total) failLength(path, shape, total, `${whole.length}`);
  return { shape, data: whole.subarray(header) };
}

function readHeader(path: string, bytes: Uint8Array): number[] {
  const [zero0, zero1, type, rank] = bytes;
  if (bytes.length < 4 || zero0 !== 0 || zero1 !== 0 || rank === 0 || rank! > LARGEST_RANK) {
    const got = bytes.length < 4 ? `${bytes.length} bytes` : `0x${Buffer.from(bytes.subarray(0, 4)).toString("hex")}`;
    fail("FILE", {
      where: `${path}: magic number (bytes 0 to 3)`,
      expected: `0x000008 and the number of axes (1 to ${LARGEST_RANK})`,
      got,
      hint: NOT_IDX,
    });
  }
  if (type !== UNSIGNED_BYTE) {
    fail("FILE", {
      where: `${path}: element type (byte 2)`,
      expected: "0x08 (unsigned bytes)",
      got: `0x${type!.toString(16).padStart(2, "0")}`,
      hint: NOT_IDX,
    });
  }
  const header = 4 + 4 * rank!;
  if (bytes.length < header) {
    fail("FILE", {
      where: `${path}: sizes (bytes 4 to ${header - 1})`,
      expected: `${header} bytes of header`,
      got: `${bytes.length}`,
      hint: "The file is truncated.",
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, header);
  return Array.from({ length: rank! }, (_, axis) => view.getUint32(4 + 4 * axis));
}

/** `limit` undefined: whatever a prefix of the file yields. Otherwise at most that many bytes. */
function unzip(path: string, bytes: Uint8Array, limit: number | undefined): Uint8Array {
  try {
    return limit === undefined
      ? gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH })
      : gunzipSync(bytes, { maxOutputLength: limit });
  } catch (cause) {
    const tooLong = (cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    fail("FILE", {
      where: `${path}: gzip data`,
      expected: tooLong ? `${limit} bytes, as the header says` : "an undamaged gzip stream",
      got: tooLong ? "more" : (cause as Error).message,
      hint: "Fetch the file again.",
      cause,
    });
  }
}

function failLength(path: string, shape: number[], total: number, got: string): never {
  fail("FILE", {
    where: path,
    expected: `${total} bytes for shape ${formatShape(shape)}`,
    got: `${got} bytes`,
    hint: "The file is truncated or damaged; fetch it again.",
  });
}
