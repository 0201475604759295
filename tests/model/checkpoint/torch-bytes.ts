/** Writes PyTorch files for tests: an assembler for the few pickle opcodes, and a writer of stored zip entries. */
import { crc32 } from "../../../src/core/index.ts";

const u16 = (value: number) => {
  const b = Buffer.alloc(2);
  b.writeUInt16LE(value);
  return b;
};
const u32 = (value: number) => {
  const b = Buffer.alloc(4);
  b.writeUInt32LE(value);
  return b;
};

/** Pieces of a pickle. */
export const op = {
  text: (value: string) => Buffer.concat([Buffer.from("X"), u32(Buffer.byteLength(value)), Buffer.from(value)]),
  int: (value: number) => Buffer.concat([Buffer.from("J"), u32(value >>> 0)]),
  none: Buffer.from("N"),
  no: Buffer.of(0x89),
  global: (module: string, name: string) => Buffer.from(`c${module}\n${name}\n`),
  tuple: (...members: Buffer[]) => Buffer.concat([Buffer.from("("), ...members, Buffer.from("t")]),
  dictionary: (...members: Buffer[]) => Buffer.concat([Buffer.from("}("), ...members, Buffer.from("u")]),
  list: (...members: Buffer[]) => Buffer.concat([Buffer.from("]("), ...members, Buffer.from("e")]),
  call: (callee: Buffer, args: Buffer) => Buffer.concat([callee, args, Buffer.from("R")]),
  persistent: (id: Buffer) => Buffer.concat([id, Buffer.from("Q")]),
  pickle: (...body: Buffer[]) => Buffer.concat([Buffer.of(0x80, 2), ...body, Buffer.from(".")]),
};

export interface TensorFacts {
  key?: string;
  type?: string;
  numbers: number;
  offset?: number;
  shape: number[];
  strides: number[];
}

export function storageOp({
  key = "0",
  type = "FloatStorage",
  numbers,
}: Omit<TensorFacts, "shape" | "strides">): Buffer {
  return op.persistent(
    op.tuple(op.text("storage"), op.global("torch", type), op.text(key), op.text("cpu"), op.int(numbers)),
  );
}

/** A call of `_rebuild_tensor_v2`. */
export function tensorOp(facts: TensorFacts): Buffer {
  const sizes = (values: number[]) => op.tuple(...values.map(op.int));
  const hooks = op.call(op.global("collections", "OrderedDict"), op.tuple());
  const args = op.tuple(
    storageOp(facts),
    op.int(facts.offset ?? 0),
    sizes(facts.shape),
    sizes(facts.strides),
    op.no,
    hooks,
  );
  return op.call(op.global("torch._utils", "_rebuild_tensor_v2"), args);
}

export interface ZipEntry {
  name: string;
  content: Uint8Array;
  method?: number;
  crc?: number;
}

/** A zip archive of stored entries. */
export function zipBytes(entries: readonly ZipEntry[]): Buffer {
  const pieces: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, content, method = 0, crc = crc32(content) } of entries) {
    const facts = [u16(method), u32(0), u32(crc), u32(content.length), u32(content.length), u16(name.length), u16(0)];
    const local = Buffer.concat([u32(0x04034b50), u16(0), u16(0), ...facts, Buffer.from(name), content]);
    directory.push(
      Buffer.concat([
        u32(0x02014b50),
        u32(0),
        u16(0),
        ...facts,
        u16(0),
        u16(0),
        u16(0),
        u32(0),
        u32(at),
        Buffer.from(name),
      ]),
    );
    pieces.push(local);
    at += local.length;
  }
  const list = Buffer.concat(directory);
  const end = [u32(0x06054b50), u32(0), u16(entries.length), u16(entries.length), u32(list.length), u32(at), u16(0)];
  return Buffer.concat([...pieces, list, ...end]);
}

/** A checkpoint in the zip format: the pickled object and its storages by key. */
export function torchZip(object: Buffer, storages: Record<string, Uint8Array> = {}): Buffer {
  const data = Object.entries(storages).map(([key, content]) => ({ name: `c/data/${key}`, content }));
  return zipBytes([{ name: "c/data.pkl", content: op.pickle(object) }, ...data]);
}
