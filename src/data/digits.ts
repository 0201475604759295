/**
 * The embedded digits: 1,797 handwritten digits of 8x8 pixels, small enough to come with the package.
 * E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998. CC BY 4.0.
 */
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { byteLevels, type Dataset, makeSplit, selectSamples } from "./dataset.ts";
import { readIdx } from "./idx.ts";

export const digitsSchema = z
  .strictObject({ kind: z.literal("digits") })
  .describe("the embedded digits, 8x8 pixels; every fifth sample of each class is held out for testing");

const CLASSES = 10;
/** Pixels count the black dots of a 4x4 cell: 0 to 16. */
const BRIGHTEST = 16;
const HELD_OUT = 5;

/** `src/data` and `dist/data` lie equally deep, in the repository and in the installed package. */
const folder = new URL("../../fixtures/digits/", import.meta.url);

/**
 * Pixels from 0 to 1. Of each class, the fifth, tenth, ... sample in file order is in the test split: every class keeps its share, and
 * both splits hold all writers (the file is sorted by writer).
 */
export function openDigits(): Dataset {
  const images = fileURLToPath(new URL("digits-images-idx3-ubyte.gz", folder));
  const labels = fileURLToPath(new URL("digits-labels-idx1-ubyte.gz", folder));
  const pixels = readIdx(images);
  const all = makeSplit({ images, labels }, pixels, readIdx(labels), CLASSES, byteLevels(BRIGHTEST));
  const met = new Array<number>(CLASSES).fill(0);
  const train: number[] = [];
  const test: number[] = [];
  all.labels.forEach((label, row) => {
    met[label]!++;
    (met[label]! % HELD_OUT === 0 ? test : train).push(row);
  });
  return {
    name: "digits",
    shape: [1, pixels.shape[1]!, pixels.shape[2]!],
    classes: CLASSES,
    train: selectSamples(all, train),
    test: selectSamples(all, test),
    attribution:
      "E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998 (CC BY 4.0)",
  };
}
