/** The loader: every sample once an epoch, exact resume, shifts, reused memory. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import { Loader, type LoaderOptions, type LoaderState, type Split, shiftImage } from "../../src/data/index.ts";
import { errorOf } from "../error-of.ts";

/** Sample i is a 2x3 image whose pixels are i + 1, labelled i. */
function split(count: number): Split {
  const images = Float32Array.from({ length: count * 6 }, (_, i) => Math.floor(i / 6) + 1);
  return { images, levels: null, labels: Int32Array.from({ length: count }, (_, i) => i), count };
}

const SHAPE = [1, 2, 3] as const;

function loaderOf(count: number, options: Partial<LoaderOptions> = {}): Loader {
  return new Loader(split(count), SHAPE, { batchSize: 4, random: new RandomStream(7), ...options });
}

/** Copies of the batches of `epochs` epochs, as a program that keeps them has to make. */
function collect(loader: Loader, epochs = 1): { images: number[]; labels: number[] }[] {
  const batches = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const { images, labels } of loader) batches.push({ images: [...images], labels: [...labels] });
  }
  return batches;
}

describe("an epoch", () => {
  it("holds every sample exactly once, with its own label, and a smaller last batch", () => {
    const batches = collect(loaderOf(10));
    expect(batches.map(({ labels }) => labels.length)).toEqual([4, 4, 2]);
    expect(batches.flatMap(({ labels }) => labels).sort((a, b) => a - b)).toEqual([...Array(10).keys()]);
    for (const { images, labels } of batches) {
      labels.forEach((label, row) => {
        expect(images.slice(row * 6, row * 6 + 6)).toEqual(Array(6).fill(label + 1));
      });
    }
  });

  it("leaves out the incomplete batch when asked", () => {
    const loader = loaderOf(10, { dropLast: true });
    expect(loader.batchesPerEpoch).toBe(2);
    expect(collect(loader).map(({ labels }) => labels.length)).toEqual([4, 4]);
  });

  it("differs in order from the next, and repeats with the same seed", () => {
    const first = collect(loaderOf(32), 2);
    expect(first.slice(0, 8)).not.toEqual(first.slice(8));
    expect(collect(loaderOf(32), 2)).toEqual(first);
    expect(collect(loaderOf(32, { random: new RandomStream(8) }), 2)).not.toEqual(first);
  });

  it("follows the file without a random stream", () => {
    expect(collect(loaderOf(6, { random: null })).flatMap(({ labels }) => labels)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("translates bytes through the split's levels", () => {
    const levels = Float32Array.from({ length: 256 }, (_, byte) => byte / 16);
    const bytes: Split = { images: Uint8Array.of(0, 8, 16), levels, labels: Uint8Array.of(1), count: 1 };
    const loader = new Loader(bytes, [1, 1, 3], { batchSize: 1, random: null });
    expect(collect(loader)[0]).toEqual({ images: [0, 0.5, 1], labels: [1] });
  });
});

describe("resuming", () => {
  it("continues with exactly the batches that an uninterrupted loader gives, from any place", () => {
    fc.assert(
      fc.property(
        fc.record({
          count: fc.integer({ min: 1, max: 23 }),
          stop: fc.nat(30),
          shift: fc.nat(2),
          dropLast: fc.boolean(),
        }),
        ({ count, stop, shift, dropLast }) => {
          const options = { shift, dropLast: dropLast && count >= 4 };
          const whole = collect(loaderOf(count, options), 4);
          const first = loaderOf(count, options);
          const seen: unknown[] = [];
          let stored: LoaderState = first.state;
          outer: for (let epoch = 0; epoch < 3; epoch++) {
            for (const { images, labels } of first) {
              seen.push({ images: [...images], labels: [...labels] });
              stored = JSON.parse(JSON.stringify(first.state));
              if (seen.length > stop) break outer;
            }
            stored = JSON.parse(JSON.stringify(first.state));
          }
          const second = loaderOf(count, { ...options, random: new RandomStream(99) });
          second.load(stored);
          while (second.epoch < 4) seen.push(...collect(second));
          expect(seen).toEqual(whole);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("continues a loop that was left early in the same loader", () => {
    const loader = loaderOf(10);
    const labels: number[] = [];
    for (const batch of loader) {
      labels.push(...batch.labels);
      break;
    }
    expect(loader.state).toMatchObject({ epoch: 0, batch: 1 });
    labels.push(...collect(loader).flatMap((batch) => batch.labels));
    expect(labels).toEqual(collect(loaderOf(10)).flatMap((batch) => batch.labels));
    expect(loader.state).toMatchObject({ epoch: 1, batch: 0 });
  });

  it("refuses a state of another loader", () => {
    const { random } = loaderOf(10).state;
    expect(errorOf(() => loaderOf(10).load({ epoch: 0, batch: 4, random })).message).toContain("3 batches an epoch");
    expect(errorOf(() => loaderOf(10).load({ epoch: 0, batch: 0, random: null })).code).toBe("OPTION");
  });
});

describe("prefetching", () => {
  it("gives the same batches whether the caller waits between them or not", async () => {
    const waited = [];
    for (const { images, labels } of loaderOf(21, { shift: 1 })) {
      const before = [...images];
      await Promise.resolve();
      // The next batch is being prepared now; it must not touch the one in use.
      expect([...images]).toEqual(before);
      waited.push({ images: before, labels: [...labels] });
    }
    expect(waited).toEqual(collect(loaderOf(21, { shift: 1 })));
  });

  it("uses two buffers again and again", () => {
    const memory = new Set<ArrayBufferLike>();
    for (const { images } of loaderOf(40)) memory.add(images.buffer);
    expect(memory.size).toBe(2);
  });
});

describe("shifting", () => {
  it("moves an image down and right, zeros coming in", () => {
    const image = Float32Array.of(1, 2, 3, 4, 5, 6);
    shiftImage(image, SHAPE, 1, -1, 0);
    expect([...image]).toEqual([0, 0, 0, 2, 3, 0]);
  });

  it("moves every channel by itself and fills with the given value", () => {
    const image = Float32Array.of(1, 2, 3, 4);
    shiftImage(image, [2, 1, 2], 0, 1, 9);
    expect([...image]).toEqual([9, 1, 9, 3]);
  });

  it("keeps each image within the allowed distance and uses every direction", () => {
    const side = 5;
    const centre = new Float32Array(side * side);
    centre[12] = 1;
    const count = 200;
    const images = new Float32Array(count * side * side);
    for (let i = 0; i < count; i++) images.set(centre, i * side * side);
    const all: Split = { images, levels: null, labels: new Int32Array(count), count };
    const places = new Set<number>();
    const loader = new Loader(all, [1, side, side], { batchSize: count, random: new RandomStream(3), shift: 1 });
    for (const batch of loader) {
      for (let i = 0; i < count; i++) places.add(batch.images.subarray(i * 25, i * 25 + 25).indexOf(1));
    }
    expect([...places].sort((a, b) => a - b)).toEqual([6, 7, 8, 11, 12, 13, 16, 17, 18]);
  });

  it("needs a random stream", () => {
    expect(errorOf(() => loaderOf(4, { random: null, shift: 1 })).code).toBe("OPTION");
  });
});

it("refuses batch sizes that leave no batch", () => {
  expect(errorOf(() => loaderOf(3, { dropLast: true })).message).toContain("1 to 3");
  expect(errorOf(() => loaderOf(3, { batchSize: 0 })).code).toBe("OPTION");
});
