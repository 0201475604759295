/** Reading with a limit, writing all or nothing, hashing. Every failure names the file, the reason and the way out. Knows no format. */
import { createHash } from "node:crypto";
import {
  closeSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fail } from "./errors.ts";

/** Node's own limit for one read, and far above every file that is read whole. */
const LARGEST_READ = 2 ** 31 - 1;

interface Reason {
  got: string;
  hint: string;
}

/** What the system's error codes mean to a user. */
const REASONS: Record<string, Reason> = {
  ENOENT: { got: "no such file or folder", hint: "Check the path." },
  ENOTDIR: { got: "a path through something that is not a folder", hint: "Check the path." },
  EISDIR: { got: "a folder", hint: "Name a file inside it." },
  EEXIST: { got: "a file where a folder is needed", hint: "Choose another path or move that file away." },
  EACCES: { got: "no permission", hint: "Change the permissions, or choose a place that is yours." },
  EPERM: { got: "no permission", hint: "Change the permissions, or choose a place that is yours." },
  EROFS: { got: "a read-only file system", hint: "Choose a place that can be written." },
  ENOSPC: { got: "a full disk", hint: "Free some space, or write to another disk." },
  EDQUOT: { got: "a used-up disk quota", hint: "Free some space, or write to another disk." },
  EFBIG: { got: "a file larger than the file system allows", hint: "Write to another disk." },
  ENAMETOOLONG: { got: "a name that is too long", hint: "Choose a shorter one." },
  EMFILE: { got: "too many open files", hint: "Close other files, or raise the limit (ulimit -n)." },
};

function reasonOf(error: unknown): Reason {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const known = REASONS[code];
  return known
    ? { got: `${known.got} (${code})`, hint: known.hint }
    : { got: error instanceof Error ? error.message : String(error), hint: "Check the path and the disk." };
}

/** Runs something that writes to a file; what the system reports becomes our error. @throws WRITE naming the file and the reason */
export function reportingWrites<R>(path: string, body: () => R): R {
  try {
    return body();
  } catch (error) {
    failWriting(path, "a file that can be written", error);
  }
}

function failWriting(path: string, expected: string, cause: unknown): never {
  const reason = reasonOf(cause);
  const folderMissing = (cause as NodeJS.ErrnoException).code === "ENOENT";
  fail("WRITE", {
    where: path,
    expected,
    ...reason,
    ...(folderMissing ? { hint: "Create its folder first." } : {}),
    cause,
  });
}

let written = 0;

/**
 * Writes a file so that it is either there completely or as it was before: the bytes go to a new file beside it, reach the disk,
 * and then take the name. A list of pieces is written one after the other. Devices and pipes are written directly.
 * @throws WRITE naming the file and the reason; nothing is left behind.
 */
export function writeFileAtomic(path: string, bytes: string | Uint8Array | readonly Uint8Array[]): void {
  const pieces =
    typeof bytes === "string" ? [Buffer.from(bytes, "utf8")] : bytes instanceof Uint8Array ? [bytes] : bytes;
  reportingWrites(path, () => {
    const existing = statSync(path, { throwIfNoEntry: false });
    if (existing && !existing.isFile()) writePieces(path, pieces, false);
    else replaceFile(path, pieces);
  });
}

function replaceFile(path: string, pieces: readonly Uint8Array[]): void {
  const beside = join(dirname(path), `.${basename(path).slice(0, 40)}.${process.pid}-${written++}.partial`);
  try {
    writePieces(beside, pieces, true);
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

function writePieces(path: string, pieces: readonly Uint8Array[], sync: boolean): void {
  const file = openSync(path, "w");
  try {
    for (const piece of pieces) {
      for (let done = 0; done < piece.byteLength; ) done += writeSync(file, piece, done, piece.byteLength - done);
    }
    if (sync) fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Makes the rename itself durable. Not every system lets a folder be opened for that; the file is whole either way. */
function syncFolder(folder: string): void {
  try {
    const handle = openSync(folder, "r");
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch {
    return;
  }
}

/** Creates a folder and its parents; one that exists is fine. @throws WRITE naming the folder and the reason. */
export function ensureDirectory(path: string): void {
  try {
    createFolders(path);
  } catch (error) {
    failWriting(path, "a folder that can be created", error);
  }
}

/** Node's own recursion never ends where a file system answers "no such folder" inside a folder that exists (/proc does). */
function createFolders(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  const parent = dirname(path);
  if (parent !== path) createFolders(parent);
  try {
    mkdirSync(path);
  } catch (error) {
    // another process may have been quicker
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

/** Opens a file for reading and hands its descriptor and size (bytes) to `body`. @throws FILE when it is missing, a folder or not readable. */
export function withOpenFile<R>(path: string, body: (file: number, size: number) => R): R {
  const { file, size } = openForReading(path);
  try {
    return body(file, size);
  } finally {
    closeSync(file);
  }
}

function openForReading(path: string): { file: number; size: number } {
  const expected = "a readable file";
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    fail("FILE", { where: path, expected, ...reasonOf(error), cause: error });
  }
  const facts = fstatSync(file);
  if (facts.isDirectory()) {
    closeSync(file);
    fail("FILE", { where: path, expected, ...REASONS.EISDIR! });
  }
  return { file, size: facts.size };
}

/** Reads `length` bytes at `offset` of an open file. @throws FILE when the file ends before, or cannot be read. */
export function readBytes(path: string, file: number, offset: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let done = 0;
  try {
    while (done < length) {
      const count = readSync(file, bytes, done, Math.min(length - done, LARGEST_READ), offset + done);
      if (count === 0) break;
      done += count;
    }
  } catch (error) {
    fail("FILE", { where: path, expected: "a readable file", ...reasonOf(error), cause: error });
  }
  if (done < length) {
    fail("FILE", {
      where: `${path}: byte ${offset + done}`,
      expected: `${length} bytes from byte ${offset}`,
      got: "the end of the file",
      hint: "The file is truncated.",
    });
  }
  return bytes;
}

/** A whole file. @throws FILE when it is missing, a folder, not readable, or larger than `maxBytes`. */
export function readFileChecked(path: string, options: { maxBytes?: number } = {}): Uint8Array<ArrayBuffer> {
  const limit = Math.min(options.maxBytes ?? LARGEST_READ, LARGEST_READ);
  return withOpenFile(path, (file, size) => {
    if (size > limit) fail("FILE", { where: path, expected: `a file of at most ${limit} bytes`, got: `${size} bytes` });
    return readBytes(path, file, 0, size);
  });
}

/** SHA-256 of bytes or UTF-8 text, as 64 hexadecimal digits. */
export function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}
