/** MNIST and the sets that share its file names (Fashion-MNIST, KMNIST): a folder with the four official files, or only the t10k ones. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { fail } from "../core/index.ts";
import { byteLevels, type Dataset, makeSplit, normaliseSchema, type Split } from "./dataset.ts";
import { readIdx } from "./idx.ts";
import { rowRange, rowsSchema, sliceRows } from "./rows.ts";

export const mnistSchema = z
  .strictObject({
    kind: z.literal("mnist"),
    directory: z.string().min(1).describe("folder with train-images-idx3-ubyte[.gz] and the other official files"),
    trainRows: rowsSchema.optional(),
    testRows: rowsSchema.optional(),
    normalise: normaliseSchema.optional(),
  })
  .describe("MNIST, Fashion-MNIST or another set with the same file names");
export type MnistConfig = z.infer<typeof mnistSchema>;

const CLASSES = 10;
const BRIGHTEST = 255;
const SPLIT_ROWS_HINT =
  'Give rows of the t10k files for both, for example "trainRows": "0:8000", "testRows": "8000:10000".';

interface Part {
  split: Split;
  shape: number[];
}

/**
 * Opens a folder; pixels from 0 to 1. With training files, `trainRows` and `testRows` narrow each split. With only the t10k files, both
 * splits come from them and the rows must be given and must not overlap. @throws FILE, OPTION
 */
export function openMnist(config: MnistConfig): Dataset {
  const levels = byteLevels(BRIGHTEST, config.normalise);
  const test = readPart(config.directory, "t10k", levels);
  const separate = findFile(config.directory, "train-images-idx3-ubyte") !== null;
  const train = separate ? readPart(config.directory, "train", levels) : test;
  if (train.shape.slice(1).join() !== test.shape.slice(1).join()) {
    fail("FILE", {
      where: config.directory,
      expected: `test images of the training images' size ${train.shape.slice(1).join("x")}`,
      got: test.shape.slice(1).join("x"),
    });
  }
  const rows = separate ? { train: config.trainRows ?? ":", test: config.testRows ?? ":" } : sharedRows(config, test);
  return {
    name: "mnist",
    shape: [1, train.shape[1]!, train.shape[2]!],
    classes: CLASSES,
    train: sliceRows(train.split, rowRange("dataset.trainRows", rows.train, train.split.count)),
    test: sliceRows(test.split, rowRange("dataset.testRows", rows.test, test.split.count)),
  };
}

/** Rows of both splits when they come from one file: testing on a row that was trained on is refused. */
function sharedRows(config: MnistConfig, { split }: Part): { train: string; test: string } {
  const { trainRows, testRows, directory } = config;
  if (trainRows === undefined || testRows === undefined) {
    fail("OPTION", {
      where: `dataset: ${directory}`,
      expected: "training files (train-images-idx3-ubyte), or trainRows and testRows",
      got: "only t10k files",
      hint: SPLIT_ROWS_HINT,
    });
  }
  const a = rowRange("dataset.trainRows", trainRows, split.count);
  const b = rowRange("dataset.testRows", testRows, split.count);
  if (a.first < b.end && b.first < a.end) {
    fail("OPTION", {
      where: "dataset.testRows",
      expected: `rows apart from the training rows ${trainRows}`,
      got: `"${testRows}"`,
      hint: "Both come from the t10k files, so shared rows would be tested on what was trained.",
    });
  }
  return { train: trainRows, test: testRows };
}

function readPart(directory: string, prefix: string, levels: Float32Array): Part {
  const images = needFile(directory, `${prefix}-images-idx3-ubyte`);
  const labels = needFile(directory, `${prefix}-labels-idx1-ubyte`);
  const pixels = readRank(images, 3);
  const split = makeSplit({ images, labels }, pixels, readRank(labels, 1), CLASSES, levels);
  return { split, shape: pixels.shape };
}

function readRank(path: string, rank: number) {
  const array = readIdx(path);
  if (array.shape.length !== rank) {
    fail("FILE", {
      where: `${path}: magic number (bytes 0 to 3)`,
      expected: `0x0000080${rank} (${rank} axes)`,
      got: `0x0000080${array.shape.length}`,
      hint: "Were images and labels swapped?",
    });
  }
  return array;
}

/** Official names use a hyphen before `idx`, some copies a dot. */
function findFile(directory: string, name: string): string | null {
  const names = [name, name.replace("-idx", ".idx")].flatMap((plain) => [plain, `${plain}.gz`]);
  return names.map((candidate) => join(directory, candidate)).find((path) => existsSync(path)) ?? null;
}

function needFile(directory: string, name: string): string {
  return (
    findFile(directory, name) ??
    fail("FILE", {
      where: join(directory, name),
      expected: "this file, plain or as .gz",
      got: existsSync(directory) ? "neither" : "no such folder",
      hint: "Check the dataset's directory; the names are those of the official files.",
    })
  );
}
