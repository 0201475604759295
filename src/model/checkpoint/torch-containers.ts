/**
 * The two containers of PyTorch checkpoints: the zip archive, and the row of pickles of releases before 1.6. They find the saved object
 * and the bytes of every storage. Formats: torch/serialization.py (`_save`, `_legacy_save`).
 */
import { fail, readFileChecked } from "../../core/index.ts";
import { type PickleMeaning, readPickle } from "./pickle.ts";
import { type StorageReference, torchMeaning } from "./torch-tensors.ts";
import { readStoredZip } from "./zip.ts";

const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_VERSION = 1001;

export interface Root {
  format: "zip" | "legacy";
  root: unknown;
  /** Size of the file. */
  bytes: number;
}

/** The object that was saved, with every storage found. @throws FILE */
export function readRoot(path: string): Root {
  const bytes = readFileChecked(path);
  const storages = new Map<string, StorageReference>();
  const meaning = torchMeaning(storages);
  const zip = bytes[0] === 0x50 && bytes[1] === 0x4b;
  const legacy = bytes[0] === 0x80;
  if (!zip && !legacy) {
    fail("FILE", {
      where: `${path}: bytes 0 and 1`,
      expected: "a PyTorch checkpoint (zip or pickle)",
      got: bytes.length === 0 ? "an empty file" : `0x${Buffer.from(bytes.subarray(0, 2)).toString("hex")}`,
      hint: "Write it with torch.save(model.state_dict(), path).",
    });
  }
  const root = zip ? readZip(path, bytes, meaning, storages) : readLegacy(path, bytes, meaning, storages);
  return { format: zip ? "zip" : "legacy", root, bytes: bytes.length };
}

/** `<name>/data.pkl` and one entry `<name>/data/<key>` for each storage. */
function readZip(
  path: string,
  bytes: Uint8Array,
  meaning: PickleMeaning,
  storages: ReadonlyMap<string, StorageReference>,
): unknown {
  const entries = readStoredZip(path, bytes);
  const pickle = [...entries.keys()].find((name) => name.endsWith("/data.pkl"));
  if (pickle === undefined) {
    fail("FILE", { where: path, expected: "an archive with data.pkl", got: "another zip file" });
  }
  const folder = pickle.slice(0, -"data.pkl".length);
  const order = entries.get(`${folder}byteorder`);
  if (order && Buffer.from(order).toString("latin1") !== "little") {
    fail("FILE", { where: `${path}: byteorder`, expected: "little", got: Buffer.from(order).toString("latin1") });
  }
  const { value } = readPickle(`${path}: ${pickle}`, entries.get(pickle)!, 0, meaning);
  for (const storage of storages.values()) {
    const content = entries.get(`${folder}data/${storage.key}`);
    if (content?.length !== storage.byteLength) {
      fail("FILE", {
        where: `${path}: entry "${folder}data/${storage.key}"`,
        expected: `${storage.byteLength} bytes (${storage.count} of ${storage.dtype})`,
        got: content ? `${content.length}` : "no such entry",
      });
    }
    storage.bytes = content;
  }
  return value;
}

/** Five pickles (magic number, version, system, the object, keys of the storages), then each storage: its count in 8 bytes, its numbers. */
function readLegacy(
  path: string,
  bytes: Uint8Array,
  meaning: PickleMeaning,
  storages: ReadonlyMap<string, StorageReference>,
): unknown {
  let at = 0;
  const next = () => {
    const { value, end } = readPickle(path, bytes, at, meaning);
    at = end;
    return value;
  };
  if (next() !== LEGACY_MAGIC || next() !== LEGACY_VERSION) {
    fail("FILE", {
      where: `${path}: byte 0`,
      expected: "PyTorch's magic number and version",
      got: "another pickle",
      hint: "Write it with torch.save(model.state_dict(), path).",
    });
  }
  const system = next();
  if (!(system instanceof Map) || system.get("little_endian") !== true) {
    fail("FILE", { where: path, expected: "little-endian numbers", got: "others" });
  }
  const root = next();
  const keys = next();
  if (!Array.isArray(keys) || keys.length !== storages.size || new Set(keys).size !== keys.length) {
    fail("FILE", {
      where: path,
      expected: `a list of ${storages.size} storages`,
      got: "another",
      hint: "The file is damaged.",
    });
  }
  for (const key of keys) at = readLegacyStorage(path, bytes, at, storages.get(key), key);
  if (at !== bytes.length) fail("FILE", { where: path, expected: `${at} bytes`, got: `${bytes.length}` });
  return root;
}

function readLegacyStorage(
  path: string,
  bytes: Uint8Array,
  at: number,
  storage: StorageReference | undefined,
  key: unknown,
): number {
  const where = `${path}: storage "${key}" at byte ${at}`;
  if (!storage) fail("FILE", { where, expected: "a storage that a tensor uses", got: "an unknown one" });
  const start = at + 8;
  const end = start + storage.byteLength;
  if (end > bytes.length) {
    fail("FILE", {
      where,
      expected: `${storage.byteLength} bytes`,
      got: `${bytes.length - start}`,
      hint: "The file is truncated.",
    });
  }
  const count = Buffer.from(bytes.buffer, bytes.byteOffset + at, 8).readBigUInt64LE();
  if (count !== BigInt(storage.count)) {
    fail("FILE", { where, expected: `${storage.count} numbers`, got: `${count}` });
  }
  storage.bytes = bytes.subarray(start, end);
  return end;
}
