/**
 * Reads zip archives whose entries are stored without compression, as PyTorch writes its checkpoints. Nothing is unpacked: entries are
 * views of the file. No zip64: the file is in memory, so it is below 2 GB. Format: PKWARE's APPNOTE.TXT.
 */
import { crc32, fail } from "../../core/index.ts";

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const LOCAL_HEADER = 0x04034b50;
const END_BYTES = 22;
const LONGEST_COMMENT = 0xffff;

interface Entry {
  name: string;
  crc: number;
  bytes: number;
  header: number;
}

/** Contents by name. @throws FILE naming the entry: truncated, compressed, encrypted, overlapping, wrong checksum, repeated name. */
export function readStoredZip(path: string, bytes: Uint8Array): Map<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { entries, directory } = readDirectory(path, bytes, view);
  const contents = new Map<string, Uint8Array>();
  let reached = 0;
  for (const entry of entries.sort((a, b) => a.header - b.header)) {
    const where = `${path}: entry "${entry.name}"`;
    if (contents.has(entry.name)) fail("FILE", { where, expected: "every name once", got: "it twice" });
    const start = dataStart(where, view, bytes, entry, directory);
    const end = start + entry.bytes;
    if (entry.header < reached || end > directory) {
      fail("FILE", { where, expected: `its own bytes before byte ${directory}`, got: `${entry.header} to ${end}` });
    }
    reached = end;
    const content = bytes.subarray(start, end);
    if (crc32(content) !== entry.crc) {
      fail("FILE", {
        where,
        expected: `checksum ${hex(entry.crc)}`,
        got: hex(crc32(content)),
        hint: "The file is damaged.",
      });
    }
    contents.set(entry.name, content);
  }
  return contents;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}

function readDirectory(path: string, bytes: Uint8Array, view: DataView): { entries: Entry[]; directory: number } {
  const where = `${path}: zip directory`;
  const end = findEnd(where, view);
  const count = view.getUint16(end + 10, true);
  const directory = view.getUint32(end + 16, true);
  const entries: Entry[] = [];
  let at = directory;
  for (let i = 0; i < count; i++) {
    if (at + 46 > end || view.getUint32(at, true) !== DIRECTORY_ENTRY) {
      fail("FILE", {
        where,
        expected: `entry ${i} of ${count} at byte ${at}`,
        got: "something else",
        hint: "The file is damaged.",
      });
    }
    const nameLength = view.getUint16(at + 28, true);
    const next = at + 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    if (next > end) fail("FILE", { where, expected: `entry ${i} within ${end} bytes`, got: `its end at ${next}` });
    entries.push(readEntry(path, view, bytes, at, nameLength));
    at = next;
  }
  return { entries, directory };
}

function findEnd(where: string, view: DataView): number {
  const lowest = Math.max(0, view.byteLength - END_BYTES - LONGEST_COMMENT);
  for (let at = view.byteLength - END_BYTES; at >= lowest; at--) {
    if (view.getUint32(at, true) === END_OF_DIRECTORY) return at;
  }
  return fail("FILE", { where, expected: "its end mark", got: "none", hint: "The file is truncated." });
}

function readEntry(path: string, view: DataView, bytes: Uint8Array, at: number, nameLength: number): Entry {
  const name = Buffer.from(bytes.subarray(at + 46, at + 46 + nameLength)).toString("utf8");
  const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
  const [packed, size] = [view.getUint32(at + 20, true), view.getUint32(at + 24, true)];
  if (method !== 0 || (flags & 1) !== 0 || packed !== size) {
    fail("FILE", {
      where: `${path}: entry "${name}"`,
      expected: "bytes that are neither compressed nor encrypted, as PyTorch writes them",
      got: `compression ${method}, flags ${flags}, ${packed} of ${size} bytes`,
      hint: "Was the archive packed again by another program?",
    });
  }
  return { name, crc: view.getUint32(at + 16, true), bytes: size, header: view.getUint32(at + 42, true) };
}

/** Where an entry's bytes begin; its local header must carry the same name. */
function dataStart(
  where: string,
  view: DataView,
  bytes: Uint8Array,
  { name, header }: Entry,
  directory: number,
): number {
  if (header + 30 > directory || view.getUint32(header, true) !== LOCAL_HEADER) {
    fail("FILE", {
      where,
      expected: `its header at byte ${header}`,
      got: "something else",
      hint: "The file is damaged.",
    });
  }
  const nameLength = view.getUint16(header + 26, true);
  const local = Buffer.from(bytes.subarray(header + 30, header + 30 + nameLength)).toString("utf8");
  if (local !== name) fail("FILE", { where, expected: "the same name in its header", got: `"${local}"` });
  return header + 30 + nameLength + view.getUint16(header + 28, true);
}
