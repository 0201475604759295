/**
 * Hands out batches of a split, shuffled and shifted if wanted, one ahead of the training step. Its state is a few numbers, so that a
 * resumed run sees exactly the batches it would have seen. It makes arrays, not tensors.
 */
import { fail, type RandomState, RandomStream } from "../core/index.ts";
import { readSample, type Samples, type Split } from "./dataset.ts";

/** One batch. The arrays are reused: they hold until the next but one call of `next()`. */
export interface Batch extends Samples {
  /** Images `[count, C, H, W]`, row-major. */
  images: Float32Array;
  /** Labels `[count]`. */
  labels: Int32Array;
  count: number;
}

export interface LoaderOptions {
  /** Images in a batch, at least 1. */
  batchSize: number;
  /** Source of the order of each epoch and of the shifts; null: file order, which allows no shifts. */
  random: RandomStream | null;
  /** Leave out the samples that do not fill a last batch. */
  dropLast?: boolean;
  /** Move each image by up to this many pixels up, down, left or right; what comes in is 0 of the raw data. */
  shift?: number;
}

/** Where a loader stands. `random`: the stream as it was before the current epoch's order was drawn. */
export interface LoaderState {
  epoch: number;
  /** Batches of the current epoch that were handed out. */
  batch: number;
  random: RandomState | null;
}

export class Loader implements Iterable<Batch> {
  readonly batchesPerEpoch: number;
  #epoch = 0;
  #batch = 0;
  #random: RandomStream | null;
  #epochStart: RandomState | null;
  #order: Int32Array | null = null;
  #shifts: Int32Array | null = null;
  readonly #buffers: [Samples, Samples];
  /** The batch that was prepared ahead, by its index in the epoch. */
  #ready: { index: number; batch: Batch } | null = null;

  constructor(
    private readonly split: Split,
    private readonly shape: readonly [number, number, number],
    private readonly options: LoaderOptions,
  ) {
    const { batchSize, random, dropLast = false, shift = 0 } = options;
    if (batchSize < 1 || (dropLast && batchSize > split.count)) {
      fail("OPTION", { where: "batch size", expected: `1 to ${split.count}`, got: `${batchSize}` });
    }
    if (shift > 0 && !random) {
      fail("OPTION", { where: "shift", expected: "0 without a random stream", got: `${shift}` });
    }
    this.#random = random;
    this.#epochStart = random?.state ?? null;
    this.batchesPerEpoch = dropLast ? Math.floor(split.count / batchSize) : Math.ceil(split.count / batchSize);
    const pixels = shape[0] * shape[1] * shape[2];
    const buffer = () => ({ images: new Float32Array(batchSize * pixels), labels: new Int32Array(batchSize) });
    this.#buffers = [buffer(), buffer()];
  }

  /** Finished epochs. */
  get epoch(): number {
    return this.#epoch;
  }

  get state(): LoaderState {
    return { epoch: this.#epoch, batch: this.#batch, random: this.#epochStart };
  }

  /** Continues where a loader of the same split and options stood. @throws OPTION when the state does not fit this loader. */
  load(state: LoaderState): void {
    if ((state.random === null) !== (this.#random === null) || state.batch > this.batchesPerEpoch || state.batch < 0) {
      fail("OPTION", {
        where: "loader state",
        expected: `a state of this loader (${this.batchesPerEpoch} batches an epoch)`,
        got: `batch ${state.batch} ${state.random ? "with" : "without"} random state`,
        hint: "Was the dataset or the batch size changed since?",
      });
    }
    this.#epoch = state.epoch;
    this.#batch = state.batch;
    this.#epochStart = state.random;
    this.#random = state.random && RandomStream.fromState(state.random);
    this.#order = null;
    this.#ready = null;
  }

  /** The rest of the current epoch; afterwards the next epoch begins. A loop that is left early continues where it was left. */
  *[Symbol.iterator](): Generator<Batch, void> {
    if (!this.#order) this.#drawEpoch();
    while (this.#batch < this.batchesPerEpoch) {
      const batch = this.#take(this.#batch);
      this.#batch++;
      this.#prefetch(this.#batch);
      yield batch;
    }
    this.#epoch++;
    this.#batch = 0;
    this.#order = null;
    this.#ready = null;
    this.#epochStart = this.#random?.state ?? null;
  }

  #take(index: number): Batch {
    return this.#ready?.index === index ? this.#ready.batch : this.#prepare(index);
  }

  /** Prepares a batch as soon as the caller waits for something, or not at all when it never does: then `next()` prepares it. */
  #prefetch(index: number): void {
    if (index >= this.batchesPerEpoch) return;
    const order = this.#order;
    queueMicrotask(() => {
      const stillWanted = this.#order === order && this.#batch === index && this.#ready?.index !== index;
      if (stillWanted) this.#ready = { index, batch: this.#prepare(index) };
    });
  }

  #prepare(index: number): Batch {
    const { batchSize, shift = 0 } = this.options;
    const first = index * batchSize;
    const count = Math.min(batchSize, this.split.count - first);
    const buffer = this.#buffers[index % 2]!;
    const pixels = buffer.images.length / batchSize;
    for (let row = 0; row < count; row++) {
      const sample = this.#order![first + row]!;
      readSample(this.split, sample, buffer, row);
      if (this.#shifts) {
        const image = buffer.images.subarray(row * pixels, (row + 1) * pixels);
        const [down, right] = shiftOf(this.#shifts[sample]!, shift);
        shiftImage(image, this.shape, down, right, this.split.levels?.[0] ?? 0);
      }
    }
    return { images: buffer.images.subarray(0, count * pixels), labels: buffer.labels.subarray(0, count), count };
  }

  /** Draws everything random of an epoch at once, so that the state at its start decides it. */
  #drawEpoch(): void {
    const { count } = this.split;
    const { shift = 0 } = this.options;
    const random = this.#random;
    this.#order = random ? random.permutation(count) : Int32Array.from({ length: count }, (_, i) => i);
    const choices = (2 * shift + 1) ** 2;
    this.#shifts = random && shift > 0 ? Int32Array.from({ length: count }, () => random.integer(choices)) : null;
  }
}

/** The two shifts (down, right; -shift to shift) that one random number stands for. */
function shiftOf(choice: number, shift: number): [number, number] {
  const side = 2 * shift + 1;
  return [Math.floor(choice / side) - shift, (choice % side) - shift];
}

/** Moves an image `[C, H, W]` in place; `fill` comes in at the border. */
export function shiftImage(
  image: Float32Array,
  [channels, height, width]: readonly [number, number, number],
  down: number,
  right: number,
  fill: number,
): void {
  if (down === 0 && right === 0) return;
  const source = image.slice();
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const [fromY, fromX] = [y - down, x - right];
        const inside = fromY >= 0 && fromY < height && fromX >= 0 && fromX < width;
        image[(c * height + y) * width + x] = inside ? source[(c * height + fromY) * width + fromX]! : fill;
      }
    }
  }
}
