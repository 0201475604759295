/** Reads reference HDF5 files for tests: groups, datasets as typed arrays, attributes. Read only, whole file in memory. */
import { readFileSync } from "node:fs";
import * as h5 from "h5wasm";

export interface StoredArray {
  /** The stored numbers (int64 as plain numbers). */
  data: Float32Array | Float64Array | Int32Array | Uint8Array | Uint16Array | Int8Array | number[];
  shape: number[];
}

export interface ReferenceFile {
  /** Member names of a group ("" or "/" is the root). */
  keys(path: string): string[];
  has(path: string): boolean;
  /** A dataset; fails when the path is missing. float16 comes as its bits (Uint16Array). */
  array(path: string): StoredArray;
  /** A dataset's numbers as Float32Array. */
  floats(path: string): Float32Array;
  attribute(path: string, name: string): unknown;
  /** The JSON `config` attribute of a case. */
  // biome-ignore lint/suspicious/noExplicitAny: reference configs differ by class; tests read what the class defines
  config(path: string): any;
  close(): void;
}

/** HDF5's numbers for its classes of types (H5Tpublic.h). */
const [INTEGER_CLASS, FLOAT_CLASS] = [0, 1];

let count = 0;

export async function openReference(path: string): Promise<ReferenceFile> {
  const module = await h5.ready;
  const name = `/reference-${count++}.h5`;
  module.FS.writeFile(name, readFileSync(path));
  const file = new h5.File(name, "r");
  const entity = (at: string) => {
    const found = at === "" || at === "/" ? file : file.get(at);
    if (!found) throw new Error(`${path}: no ${at}`);
    return found;
  };
  const array = (at: string): StoredArray => {
    const dataset = entity(at) as h5.Dataset;
    const half = dataset.metadata.type === FLOAT_CLASS && dataset.metadata.size === 2;
    // h5wasm has no array for float16: the same bytes, declared as whole numbers, come as bits
    if (half) Object.assign(dataset, { _metadata: { ...dataset.metadata, type: INTEGER_CLASS, signed: false } });
    const value = dataset.value as unknown;
    const shape = dataset.shape ?? [];
    if (typeof value === "number") return { data: [value], shape };
    if (typeof value === "bigint") return { data: [Number(value)], shape };
    if (value instanceof BigInt64Array || value instanceof BigUint64Array) {
      return { data: Array.from(value, Number), shape };
    }
    return { data: value as StoredArray["data"], shape };
  };
  const attribute = (at: string, attributeName: string): unknown => {
    const value = (entity(at) as h5.Group).attrs[attributeName]?.value as unknown;
    return typeof value === "bigint" ? Number(value) : value;
  };
  return {
    keys: (at) => (entity(at) as h5.Group).keys(),
    has: (at) => {
      try {
        return file.get(at) !== null;
      } catch {
        return false;
      }
    },
    array,
    floats: (at) => Float32Array.from(array(at).data),
    attribute,
    config: (at) => JSON.parse(String(attribute(at, "config"))),
    close: () => {
      file.close();
      module.FS.unlink(name);
    },
  };
}
