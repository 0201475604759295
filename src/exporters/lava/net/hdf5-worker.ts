/**
 * The program of the thread that runs libhdf5 (h5wasm's WebAssembly) on one file and hands back what stands in it, unjudged. It is text,
 * because a thread cannot load this project's TypeScript when it runs uncompiled. Why a thread: see `hdf5-tree.ts`.
 */

/** What the thread is started with. */
export interface TreeRequest {
  /** Address of the module that makes a copy of the library. */
  factory: string;
  bytes: Uint8Array;
  /** Groups further down, and objects beyond this number, are left out. */
  deepest: number;
  mostObjects: number;
  mostElements: number;
  /** Bytes of one dataset. */
  mostBytes: number;
}

/** Numbers as libhdf5 gives them, in this machine's byte order. */
export interface RawDataset {
  kind: "dataset";
  shape: number[] | null;
  /** HDF5 type class (H5T_class_t) and bytes of an element. */
  type: number;
  size: number;
  signed: boolean;
  count: number;
  /** Texts of a text dataset; else null. */
  texts: string[] | null;
  /** Absent where the dataset is too large, empty, or stored in other files. */
  bytes: Uint8Array | null;
}
export type RawObject =
  | { kind: "group"; names: string[] }
  | RawDataset
  | { kind: "soft link" | "link to another file" | "other object" }
  | { kind: "damaged"; message: string };

/** Objects by their place; the root is "". */
export type TreeAnswer = { objects: Map<string, RawObject> } | { error: string };

export const WORKER_SOURCE = `
const { parentPort, workerData } = require("node:worker_threads");

const STRING_CLASS = 3;

function readDataset(library, id, place, request) {
  const { type, size, signed, shape, total_size: count, vlen, virtual_sources: sources } = library.get_dataset_metadata(id, place);
  const facts = { kind: "dataset", shape: shape && [...shape], type, size, signed, count, texts: null, bytes: null };
  const fits = count <= request.mostElements && count * size <= request.mostBytes;
  if (!shape || sources || !fits) return facts;
  const start = library._malloc(size * count);
  if (start === 0) return facts;
  library.get_dataset_data(id, place, null, null, null, BigInt(start));
  const bytes = library.HEAPU8.slice(start, start + size * count);
  if (type !== STRING_CLASS) return { ...facts, bytes };
  if (vlen) return { ...facts, texts: Array.from(new Uint32Array(bytes.buffer), (pointer) => library.UTF8ToString(pointer)) };
  const decoder = new TextDecoder();
  const texts = Array.from({ length: count }, (_, i) => decoder.decode(bytes.subarray(i * size, (i + 1) * size)).split("\\0", 1)[0]);
  return { ...facts, texts };
}

function readObject(library, id, place, request) {
  if (place !== "" && library.get_symbolic_link(id, place)) return { kind: "soft link" };
  const kind = place === "" ? library.H5G_GROUP : library.get_type(id, place);
  if (kind === library.H5G_UDLINK) return { kind: "link to another file" };
  if (kind === library.H5G_DATASET) return readDataset(library, id, place, request);
  if (kind !== library.H5G_GROUP) return { kind: "other object" };
  return { kind: "group", names: library.get_names(id, place || "/", false) };
}

function walk(library, id, place, depth, objects, request) {
  if (depth > request.deepest || objects.size >= request.mostObjects) return;
  let object;
  try {
    object = readObject(library, id, place, request);
  } catch (error) {
    object = { kind: "damaged", message: String(error && error.message) };
  }
  objects.set(place, object);
  for (const name of object.names || []) walk(library, id, place + "/" + name, depth + 1, objects, request);
}

async function readFile(request) {
  const { default: make } = await import(request.factory);
  const library = await make({ noInitialRun: true });
  library.activate_throwing_error_handler();
  library.FS.writeFile("/file.h5", request.bytes);
  const objects = new Map();
  walk(library, library.open("/file.h5", library.H5F_ACC_RDONLY, false, -1, -1), "", 0, objects, request);
  return { objects };
}

readFile(workerData).then(
  (answer) => parentPort.postMessage(answer),
  (error) => parentPort.postMessage({ error: String(error && error.message) }),
);
`;
