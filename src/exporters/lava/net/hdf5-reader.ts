/** Hands out the groups, numbers and texts of an HDF5 file that was read, with kinds, sizes and types checked. It knows nothing of networks. */
import { Float16Array } from "@petamoriken/float16";
import { fail } from "../../../core/index.ts";
import { failDamaged, type Hdf5Tree, readTree } from "./hdf5-tree.ts";
import type { RawDataset, RawObject } from "./hdf5-worker.ts";
import type { NetValue } from "./net-file.ts";

/** HDF5 type classes (H5T_class_t). */
const INTEGER = 0;
const FLOAT = 1;
const STRING = 3;
const ENUM = 8;

/** @throws FILE when nothing of the file can be read. */
export async function openHdf5(path: string): Promise<Hdf5Reader> {
  return new Hdf5Reader(path, await readTree(path));
}

export class Hdf5Reader {
  constructor(
    readonly path: string,
    private readonly tree: Hdf5Tree,
  ) {}

  /** Place inside the file, for messages. */
  at(place: string): string {
    return place === "" ? this.path : `${this.path}: ${place}`;
  }

  /** Names in a group; "" is the root. @throws FILE when it is no group of this file. */
  members(place: string): string[] {
    const object = this.intact(place);
    return object.kind === "group" ? object.names : this.refuse(place, "a group", `a ${object.kind}`);
  }

  isGroup(place: string): boolean {
    return this.tree.get(place)?.kind === "group";
  }

  /** A dataset as text or numbers. @throws FILE when it is neither, too large, or not finite. */
  value(place: string): NetValue {
    const object = this.intact(place);
    if (object.kind !== "dataset") return this.refuse(place, "a dataset", `a ${object.kind}`);
    const { shape, type, texts, bytes } = object;
    if (!shape) return this.refuse(place, "numbers or text", "an empty dataset");
    if (type === STRING && texts) {
      const [text] = texts;
      return texts.length === 1 && text !== undefined
        ? text.trimEnd()
        : this.refuse(place, "one text", `${texts.length} of them`);
    }
    if (type !== INTEGER && type !== FLOAT && type !== ENUM)
      return this.refuse(place, "numbers or text", "another type of data");
    if (!bytes) return this.refuse(place, "a dataset that fits the file", `shape [${shape}]`);
    return { shape, data: this.numbers(place, object, bytes) };
  }

  private numbers(place: string, { type, size, signed }: RawDataset, bytes: Uint8Array): Float64Array {
    const read = (type === FLOAT ? FLOATS : signed ? SIGNED : UNSIGNED)[size];
    if (!read) return this.refuse(place, "integers or floats of up to 64 bits", `elements of ${size} bytes`);
    const numbers = read(bytes.slice().buffer);
    const wrong = numbers.findIndex((number) => !Number.isFinite(number));
    return wrong < 0 ? numbers : this.refuse(place, "finite numbers", `${numbers[wrong]} at index ${wrong}`);
  }

  private intact(place: string): Exclude<RawObject, { kind: "damaged" }> {
    const object = this.tree.get(place);
    if (!object) return this.refuse(place, "an object", "none");
    return object.kind === "damaged" ? failDamaged(this.at(place), object.message) : object;
  }

  private refuse(place: string, expected: string, got: string): never {
    fail("FILE", { where: this.at(place), expected, got });
  }
}

type ElementReader = (bytes: ArrayBuffer) => Float64Array;

/** Adding 0 turns -0 into 0. */
const widened = (numbers: ArrayLike<number> | ArrayLike<bigint>): Float64Array =>
  Float64Array.from(numbers as ArrayLike<number>, (number) => Number(number) + 0);

/** By bytes of an element. h5py's booleans are enumerations of signed bytes. */
const FLOATS: Record<number, ElementReader> = {
  2: (bytes) => widened(Float32Array.from(new Float16Array(bytes))),
  4: (bytes) => widened(new Float32Array(bytes)),
  8: (bytes) => widened(new Float64Array(bytes)),
};
const SIGNED: Record<number, ElementReader> = {
  1: (bytes) => widened(new Int8Array(bytes)),
  2: (bytes) => widened(new Int16Array(bytes)),
  4: (bytes) => widened(new Int32Array(bytes)),
  8: (bytes) => widened(new BigInt64Array(bytes)),
};
const UNSIGNED: Record<number, ElementReader> = {
  1: (bytes) => widened(new Uint8Array(bytes)),
  2: (bytes) => widened(new Uint16Array(bytes)),
  4: (bytes) => widened(new Uint32Array(bytes)),
  8: (bytes) => widened(new BigUint64Array(bytes)),
};
