/** Opening datasets: the embedded digits, folders with MNIST's names, row ranges, and what is refused. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { parseWith } from "../../src/core/index.ts";
import { type Dataset, datasetSchema, openDataset, sampleBatch } from "../../src/data/index.ts";
import { errorOf, temporaryFolder } from "../error-of.ts";
import { idxBytes } from "./idx-bytes.ts";

const folder = temporaryFolder();
let count = 0;

interface Part {
  images: number;
  labels?: number;
  side?: number;
  firstLabel?: number;
}

/** A folder with MNIST's names; pixel values count upwards from image to image. */
function mnistFolder(
  parts: { train?: Part; t10k?: Part },
  ending = "",
  write = (bytes: Buffer): Uint8Array => bytes,
): string {
  const directory = join(folder, `mnist-${count++}`);
  mkdirSync(directory);
  for (const [prefix, { images, labels = images, side = 2, firstLabel = 0 }] of Object.entries(parts)) {
    const pixels = Uint8Array.from({ length: images * side * side }, (_, i) => Math.floor(i / (side * side)));
    const classes = Uint8Array.from({ length: labels }, (_, i) => (i + firstLabel) % 10);
    writeFileSync(
      join(directory, `${prefix}-images-idx3-ubyte${ending}`),
      write(idxBytes([images, side, side], pixels)),
    );
    writeFileSync(join(directory, `${prefix}-labels-idx1-ubyte${ending}`), write(idxBytes([labels], classes)));
  }
  return directory;
}

const open = (config: object): Dataset => openDataset(parseWith(datasetSchema, config, "dataset"));
const messageFor = (config: object): string => errorOf(() => open(config)).message;

describe("the embedded digits", () => {
  const digits = open({ kind: "digits" });

  it("hold 1,797 images of 8x8 pixels from 0 to 1, a fifth of each class held out", () => {
    expect(digits.shape).toEqual([1, 8, 8]);
    expect(digits.train.count + digits.test.count).toBe(1797);
    const perClass = (labels: ArrayLike<number>) =>
      Array.from({ length: 10 }, (_, c) => Array.from(labels).filter((l) => l === c).length);
    const [train, test] = [perClass(digits.train.labels), perClass(digits.test.labels)];
    for (const c of train.keys()) expect(test[c]).toBe(Math.floor((train[c]! + test[c]!) / 5));
    const { images } = sampleBatch(digits.test, 0, digits.test.count);
    expect(Math.min(...images)).toBe(0);
    expect(Math.max(...images)).toBe(1);
  });

  it("share no image between training and testing beyond the ones that the file itself repeats", () => {
    const key = (split: Dataset["train"], i: number) => split.images.subarray(i * 64, i * 64 + 64).join();
    const trained = new Set(Array.from({ length: digits.train.count }, (_, i) => key(digits.train, i)));
    expect(Array.from({ length: digits.test.count }, (_, i) => key(digits.test, i)).some((k) => trained.has(k))).toBe(
      false,
    );
  });

  it("name their authors and licence", () => {
    expect(digits.attribution).toContain("Alpaydin");
    expect(digits.attribution).toContain("CC BY 4.0");
  });
});

describe("folders with MNIST's names", () => {
  it.each([
    ["plain", "", (bytes: Buffer) => bytes],
    ["gzipped", ".gz", (bytes: Buffer) => gzipSync(bytes)],
  ])("are read %s, bytes as fractions of 255", (_, ending, write) => {
    const dataset = open({
      kind: "mnist",
      directory: mnistFolder({ train: { images: 6 }, t10k: { images: 4 } }, ending, write),
    });
    expect([dataset.shape, dataset.classes]).toEqual([[1, 2, 2], 10]);
    expect([dataset.train.count, dataset.test.count]).toEqual([6, 4]);
    const { images, labels } = sampleBatch(dataset.train, 4, 2);
    expect([...images]).toEqual([4, 4, 4, 4, 5, 5, 5, 5].map((byte) => Math.fround(byte / 255)));
    expect([...labels]).toEqual([4, 5]);
  });

  it("take names with a dot before idx too", () => {
    const directory = join(folder, "dots");
    mkdirSync(directory);
    for (const prefix of ["train", "t10k"]) {
      writeFileSync(join(directory, `${prefix}-images.idx3-ubyte`), idxBytes([1, 1, 1], [7]));
      writeFileSync(join(directory, `${prefix}-labels.idx1-ubyte`), idxBytes([1], [3]));
    }
    expect(open({ kind: "mnist", directory }).test.labels[0]).toBe(3);
  });

  it("are narrowed to rows", () => {
    const directory = mnistFolder({ train: { images: 6 }, t10k: { images: 4 } });
    const dataset = open({ kind: "mnist", directory, trainRows: "2:5", testRows: ":1" });
    expect([...dataset.train.labels]).toEqual([2, 3, 4]);
    expect([...dataset.test.labels]).toEqual([0]);
  });

  it("give both splits from the t10k files when rows say which", () => {
    const directory = mnistFolder({ t10k: { images: 10 } });
    const dataset = open({ kind: "mnist", directory, trainRows: "0:8", testRows: "8:10" });
    expect([dataset.train.count, dataset.test.count]).toEqual([8, 2]);
    expect([...sampleBatch(dataset.test, 0, 2).labels]).toEqual([8, 9]);
  });

  it("ask for rows when there are only t10k files", () => {
    const message = messageFor({ kind: "mnist", directory: mnistFolder({ t10k: { images: 4 } }) });
    expect(message).toContain("got only t10k files");
    expect(message).toContain('"trainRows": "0:8000"');
  });

  it("refuse to test on rows that were trained on", () => {
    const directory = mnistFolder({ t10k: { images: 10 } });
    expect(messageFor({ kind: "mnist", directory, trainRows: "0:8", testRows: "7:10" })).toContain("apart from");
  });

  it.each(["5:5", "3:1", "0:11", "11:"])("refuse the rows %s of a file with ten", (trainRows) => {
    const directory = mnistFolder({ t10k: { images: 10 } });
    const message = messageFor({ kind: "mnist", directory, trainRows, testRows: "8:10" });
    expect(message).toContain("dataset.trainRows");
    expect(message).toContain("within 0:10");
  });

  it("centre and scale pixels when asked", () => {
    const directory = mnistFolder({ t10k: { images: 10 } });
    const config = {
      kind: "mnist",
      directory,
      trainRows: "0:8",
      testRows: "8:10",
      normalise: { mean: 0.5, std: 0.25 },
    };
    expect(sampleBatch(open(config).test, 0, 1).images[0]).toBe(Math.fround((8 / 255 - 0.5) / 0.25));
  });

  it("refuse images and labels that differ in number, with both numbers and files", () => {
    const message = messageFor({
      kind: "mnist",
      directory: mnistFolder({ train: { images: 3 }, t10k: { images: 4, labels: 5 } }),
    });
    expect(message).toContain("expected 4 labels");
    expect(message).toContain("got 5");
    expect(message).toContain("t10k-labels-idx1-ubyte");
  });

  it("refuse labels above 9, swapped files, sizes that differ, empty files and missing files", () => {
    const wrongLabel = mnistFolder({ t10k: { images: 4 } });
    writeFileSync(join(wrongLabel, "t10k-labels-idx1-ubyte"), idxBytes([4], [0, 1, 10, 2]));
    expect(messageFor({ kind: "mnist", directory: wrongLabel })).toContain(
      "label 2: expected a class from 0 to 9, got 10",
    );
    const swapped = mnistFolder({ t10k: { images: 4 } });
    writeFileSync(join(swapped, "t10k-images-idx3-ubyte"), idxBytes([4], [0, 1, 2, 3]));
    expect(messageFor({ kind: "mnist", directory: swapped })).toContain("swapped");
    const differing = mnistFolder({ train: { images: 4, side: 3 }, t10k: { images: 4 } });
    expect(messageFor({ kind: "mnist", directory: differing })).toContain("size 3x3, got 2x2");
    const empty = mnistFolder({ t10k: { images: 0 } });
    expect(messageFor({ kind: "mnist", directory: empty })).toContain("at least one image");
    expect(messageFor({ kind: "mnist", directory: join(folder, "none") })).toContain("no such folder");
    expect(messageFor({ kind: "mnist", directory: folder })).toContain("t10k-images-idx3-ubyte: expected this file");
  });

  it("refuse unknown fields and malformed rows in a config", () => {
    expect(messageFor({ kind: "mnist", directory: "x", trainRow: "0:1" })).toContain("trainRow");
    expect(messageFor({ kind: "mnist", directory: "x", trainRows: "1-2" })).toContain("first:end");
    expect(messageFor({ kind: "digit" })).toContain("kind");
  });
});

describe("sampleBatch", () => {
  it("refuses ranges beyond the split", () => {
    const { test } = open({ kind: "digits" });
    expect(errorOf(() => sampleBatch(test, test.count - 1, 2)).code).toBe("OPTION");
  });
});
