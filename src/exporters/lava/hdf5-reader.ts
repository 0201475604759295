/**
 * Reads datasets of an HDF5 file with everything checked before memory is taken: kind of object, element type, size, links. It knows
 * nothing of networks. libhdf5 runs inside WebAssembly on a copy of the file, so damaged bytes cannot harm the process.
 */
import { Dataset, File, ready } from "h5wasm";
import { fail, readFileChecked, SpikeshipError } from "../../core/index.ts";
import type { NetValue } from "./net-file.ts";

type Library = Awaited<typeof ready>;

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

let opened = 0;

/**
 * Opens a file for `body`, which must be synchronous, and closes it.
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
  const library = await ready;
  const name = `/read-${opened++}.h5`;
  library.FS.writeFile(name, bytes);
  // by default libhdf5 prints its errors
  library.activate_throwing_error_handler();
  let file: File | null = null;
  try {
    file = new File(name, "r");
    return body(new Hdf5Reader(library, file.file_id, path, bytes.length));
  } catch (error) {
    if (error instanceof SpikeshipError) throw error;
    return damaged(path, error);
  } finally {
    if (file) closeQuietly(file);
    library.deactivate_throwing_error_handler();
    library.FS.unlink(name);
  }
}

/** A file whose contents were judged already may fail once more when it is closed; that says nothing new. */
function closeQuietly(file: File): void {
  try {
    file.close();
  } catch {
    return;
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
      const dataset = new Dataset(this.id, place);
      const { type, shape, size, total_size: count, virtual_sources: sources } = dataset.metadata;
      if (!shape || sources)
        this.refuse(place, "numbers or text stored in this file", shape ? "a virtual dataset" : "an empty one");
      if (count > MOST_ELEMENTS || count * size > LARGEST_EXPANSION * this.fileBytes) {
        this.refuse(place, "a dataset that fits the file", `shape [${shape}]`);
      }
      if (type === STRING) return this.text(place, dataset.value);
      if (type !== INTEGER && type !== FLOAT && type !== ENUM)
        this.refuse(place, "numbers or text", "another type of data");
      return { shape: [...shape], data: this.numbers(place, dataset.value) };
    });
  }

  private text(place: string, value: unknown): string {
    const texts = Array.isArray(value) ? value : [value];
    if (texts.length !== 1 || typeof texts[0] !== "string") this.refuse(place, "one text", `${texts.length} values`);
    return texts[0];
  }

  private numbers(place: string, value: unknown): Float64Array {
    const list = ArrayBuffer.isView(value)
      ? (value as unknown as ArrayLike<number | bigint>)
      : [value as number | bigint];
    // adding 0 turns -0 into 0
    const numbers = Float64Array.from(list as ArrayLike<number>, (number) => Number(number) + 0);
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
