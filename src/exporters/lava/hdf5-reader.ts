/**
 * Reads datasets of an HDF5 file with everything checked before memory is taken: kind of object, element type, size, links. It knows
 * nothing of networks. libhdf5 runs inside WebAssembly on a copy of the file, so damaged bytes cannot harm the process.
 */
import { Float16Array } from "@petamoriken/float16";
import type { Metadata } from "h5wasm";
import { fail, readFileChecked, SpikeshipError } from "../../core/index.ts";
import { freshLibrary, type Library } from "./hdf5-library.ts";
import type { NetValue } from "./net-file.ts";

const LARGEST_FILE = 2 ** 29;
const MOST_ELEMENTS = 2 ** 26;
/** Deflate shrinks at most 1032 times; a dataset beyond that is damage or a trap. */
const LARGEST_EXPANSION = 1040;
const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
/** HDF5 type classes (H5T_class_t). */
const INTEGER = 0;
const FLOAT = 1;
const STRING = 3;
const ENUM = 8;

/** Name of the file inside the library's own file system. */
const INNER_NAME = "/network.h5";

/**
 * Opens a file for `body`, which must read all that is needed before it returns.
 * @throws FILE naming file and place for whatever is wrong with it.
 */
export async function withHdf5<R>(path: string, body: (file: Hdf5Reader) => R): Promise<R> {
  const bytes = readFileChecked(path, { maxBytes: LARGEST_FILE });
  if (SIGNATURE.some((byte, i) => bytes[i] !== byte)) {
    fail("FILE", {
      where: path,
      expected: "an HDF5 file",
      got: "other bytes at the start",
      hint: "Is it a Lava DL .net file?",
    });
  }
  const library = await freshLibrary();
  library.FS.writeFile(INNER_NAME, bytes);
  try {
    const id = library.open(INNER_NAME, library.H5F_ACC_RDONLY, false, -1, -1);
    return body(new Hdf5Reader(library, id, path, bytes.length));
  } catch (error) {
    if (error instanceof SpikeshipError) throw error;
    return damaged(path, error);
  }
}

function damaged(where: string, cause: unknown): never {
  const text = cause instanceof Error ? cause.message : String(cause);
  const innermost = [...text.matchAll(/in \w+\(\): (.*)/g)].at(-1)?.[1];
  fail("FILE", {
    where,
    expected: "an intact HDF5 file",
    got: innermost ?? text.split("\n", 1)[0]!,
    hint: "The file is truncated or damaged.",
    cause,
  });
}

export class Hdf5Reader {
  constructor(
    private readonly library: Library,
    private readonly id: bigint,
    readonly path: string,
    private readonly fileBytes: number,
  ) {}

  /** Place inside the file, for messages. */
  at(place: string): string {
    return `${this.path}: ${place}`;
  }

  /** Names in a group; "" is the root. @throws FILE when it is no group of this file. */
  members(place: string): string[] {
    return this.guarded(place, () => {
      if (place !== "") this.expectKind(place, this.library.H5G_GROUP, "a group");
      return this.library.get_names(this.id, place || "/", false);
    });
  }

  isGroup(place: string): boolean {
    return this.guarded(place, () => this.library.get_type(this.id, place) === this.library.H5G_GROUP);
  }

  /** A dataset as text or numbers. @throws FILE when it is neither, too large, or not finite. */
  value(place: string): NetValue {
    return this.guarded(place, () => {
      this.expectKind(place, this.library.H5G_DATASET, "a dataset");
      const metadata = this.library.get_dataset_metadata(this.id, place);
      const { type, shape, size, total_size: count, virtual_sources: sources } = metadata;
      if (!shape || sources) {
        this.refuse(place, "numbers or text stored in this file", shape ? "a virtual dataset" : "an empty one");
      }
      if (count > MOST_ELEMENTS || count * size > LARGEST_EXPANSION * this.fileBytes) {
        this.refuse(place, "a dataset that fits the file", `shape [${shape}]`);
      }
      if (type === STRING) return this.text(place, metadata);
      if (type !== INTEGER && type !== FLOAT && type !== ENUM) {
        this.refuse(place, "numbers or text", "another type of data");
      }
      return { shape: [...shape], data: this.numbers(place, metadata) };
    });
  }

  /** The bytes of a dataset as `use` needs them; libhdf5 gives numbers in this machine's order. */
  private withBytes<R>(place: string, { size, total_size: count }: Metadata, use: (bytes: Uint8Array<ArrayBuffer>) => R): R {
    const start = this.library._malloc(size * count);
    if (start === 0) this.refuse(place, "a dataset that fits the memory", `${size * count} bytes`);
    try {
      this.library.get_dataset_data(this.id, place, null, null, null, BigInt(start));
      return use(Uint8Array.from(this.library.HEAPU8.subarray(start, start + size * count)));
    } finally {
      this.library._free(start);
    }
  }

  /** One text, stored with its length fixed or as a pointer to bytes that end in 0. */
  private text(place: string, metadata: Metadata): string {
    if (metadata.total_size !== 1) this.refuse(place, "one text", `${metadata.total_size} of them`);
    return this.withBytes(place, metadata, (bytes) => {
      if (metadata.vlen) return this.library.UTF8ToString(new Uint32Array(bytes.buffer)[0]!);
      const end = bytes.indexOf(0);
      return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end)).trimEnd();
    });
  }

  private numbers(place: string, metadata: Metadata): Float64Array {
    const view = elementArray(metadata);
    if (!view) this.refuse(place, "integers or floats of up to 64 bits", `elements of ${metadata.size} bytes`);
    const numbers = this.withBytes(place, metadata, (bytes) => view(bytes.buffer));
    const wrong = numbers.findIndex((number) => !Number.isFinite(number));
    if (wrong >= 0) this.refuse(place, "finite numbers", `${numbers[wrong]} at index ${wrong}`);
    return numbers;
  }

  private expectKind(place: string, kind: number, expected: string): void {
    if (this.library.get_symbolic_link(this.id, place)) this.refuse(place, expected, "a soft link");
    const found = this.library.get_type(this.id, place);
    if (found === kind) return;
    const external = found === this.library.H5G_UDLINK;
    const other =
      found === this.library.H5G_GROUP
        ? "a group"
        : found === this.library.H5G_DATASET
          ? "a dataset"
          : "another object";
    this.refuse(place, expected, external ? "a link to another file" : other);
  }

  private refuse(place: string, expected: string, got: string): never {
    fail("FILE", { where: this.at(place), expected, got });
  }

  private guarded<R>(place: string, body: () => R): R {
    try {
      return body();
    } catch (error) {
      if (error instanceof SpikeshipError) throw error;
      return damaged(this.at(place), error);
    }
  }
}

type ElementReader = (bytes: ArrayBuffer) => Float64Array;

/** Adding 0 turns -0 into 0. */
const widened = (numbers: ArrayLike<number> | ArrayLike<bigint>): Float64Array =>
  Float64Array.from(numbers as ArrayLike<number>, (number) => Number(number) + 0);

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

/** How the elements of a dataset become numbers; undefined for sizes that nobody writes. Enumerations (h5py's booleans) are integers. */
function elementArray({ type, size, signed }: Metadata): ElementReader | undefined {
  if (type === FLOAT) return FLOATS[size];
  return signed ? SIGNED[size] : UNSIGNED[size];
}
