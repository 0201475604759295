/** What a dataset is once it is open: two splits of labelled images. It knows no file format. */
import { z } from "zod";
import { fail, type Shape, sizeOf } from "../core/index.ts";

/** Labelled images. Bytes are kept as bytes (a quarter of the memory) and become numbers through `levels`. */
export interface Split {
  /** Row-major `[count, C, H, W]`: bytes that `levels` translates, or the numbers themselves. */
  images: Uint8Array | Float32Array;
  /** What each of the 256 byte values means; null when `images` holds numbers. */
  levels: Float32Array | null;
  /** Class of each image, 0 to `classes` - 1. */
  labels: Uint8Array | Int32Array;
  count: number;
}

export interface Dataset {
  name: string;
  /** Shape of one image: [C, H, W]. */
  shape: [number, number, number];
  classes: number;
  train: Split;
  test: Split;
  /** Who made the data and under which licence, when it is known. */
  attribution?: string;
}

/** Images `[count, C, H, W]` as numbers, with their labels. */
export interface Samples {
  images: Float32Array;
  labels: Int32Array;
}

/** `count` samples of a split from index `start`, in order. @throws OPTION when they are not all there. */
export function sampleBatch(split: Split, start: number, count: number): Samples {
  if (start < 0 || count < 0 || start + count > split.count) {
    fail("OPTION", {
      where: "samples",
      expected: `a range within the ${split.count} samples of the split`,
      got: `${start} to ${start + count}`,
    });
  }
  const pixels = split.images.length / split.count;
  const samples = { images: new Float32Array(count * pixels), labels: new Int32Array(count) };
  for (let i = 0; i < count; i++) readSample(split, start + i, samples, i);
  return samples;
}

/** Writes sample `index` of a split to place `row` of `target`. */
export function readSample(split: Split, index: number, target: Samples, row: number): void {
  const pixels = split.images.length / split.count;
  const source = index * pixels;
  if (split.levels) {
    const { images, levels } = split;
    const base = row * pixels;
    for (let i = 0; i < pixels; i++) target.images[base + i] = levels[images[source + i]!]!;
  } else {
    target.images.set(split.images.subarray(source, source + pixels), row * pixels);
  }
  target.labels[row] = split.labels[index]!;
}

/** The samples of a split whose indices are given, in that order. */
export function selectSamples(split: Split, indices: ArrayLike<number>): Split {
  const pixels = split.images.length / split.count;
  const images = split.levels ? new Uint8Array(indices.length * pixels) : new Float32Array(indices.length * pixels);
  const labels = new Int32Array(indices.length);
  for (let row = 0; row < indices.length; row++) {
    const source = indices[row]! * pixels;
    images.set(split.images.subarray(source, source + pixels), row * pixels);
    labels[row] = split.labels[indices[row]!]!;
  }
  return { images, levels: split.levels, labels, count: indices.length };
}

export const normaliseSchema = z
  .strictObject({
    mean: z.number().describe("subtracted from each pixel (which is 0 to 1)"),
    std: z.number().positive().describe("each pixel is divided by it afterwards"),
  })
  .describe("centres and scales the pixels; leave it out for spike encoders, which need 0 to 1");
export type Normalise = z.infer<typeof normaliseSchema>;

/** Value of each byte: `byte / largest`, then normalised. `largest`: the byte that means 1. */
export function byteLevels(largest: number, normalise?: Normalise): Float32Array {
  const { mean, std } = normalise ?? { mean: 0, std: 1 };
  return Float32Array.from({ length: 256 }, (_, byte) => (byte / largest - mean) / std);
}

/** Puts images and labels together. @throws FILE when their numbers differ, a label is not below `classes`, or there are none. */
export function makeSplit(
  where: { images: string; labels: string },
  images: { data: Uint8Array; shape: Shape },
  labels: { data: Uint8Array; shape: Shape },
  classes: number,
  levels: Float32Array,
): Split {
  const count = images.shape[0] ?? 0;
  if (labels.data.length !== count) {
    fail("FILE", {
      where: where.labels,
      expected: `${count} labels, one for each image of ${where.images}`,
      got: `${labels.data.length}`,
      hint: "Are both files of the same split?",
    });
  }
  if (count === 0 || sizeOf(images.shape) === 0) {
    fail("FILE", { where: where.images, expected: "at least one image", got: `shape [${images.shape.join(",")}]` });
  }
  const wrong = labels.data.findIndex((label) => label >= classes);
  if (wrong >= 0) {
    fail("FILE", {
      where: `${where.labels}: label ${wrong}`,
      expected: `a class from 0 to ${classes - 1}`,
      got: `${labels.data[wrong]}`,
    });
  }
  return { images: images.data, levels, labels: labels.data, count };
}
