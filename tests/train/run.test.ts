/** A training in a directory: what it writes, what it refuses, and how it begins, ends and goes on. Bits after a stop: `resume.test.ts`. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SpikeshipError } from "../../src/core/index.ts";
import type { Dataset } from "../../src/data/index.ts";
import { layers } from "../../src/layers.ts";
import { loadCheckpoint, type Network, networkFromDescription, saveCheckpoint } from "../../src/model/index.ts";
import {
  CHECKPOINT_FILE,
  type EpochRecord,
  evaluate,
  type TrainProgress,
  trainInDirectory,
} from "../../src/train/index.ts";
import { temporaryFolder } from "../error-of.ts";
import { smallDescription, smallNetwork } from "../model/small-network.ts";
import { OPTIMIZERS, outcomeOf, smallDataset, smallTraining, train } from "./small-run.ts";

const folder = temporaryFolder();
const sgd = OPTIMIZERS.sgd!;

async function failure(attempt: Promise<unknown>): Promise<SpikeshipError> {
  const error = await attempt.then(
    () => new Error("expected the run to fail"),
    (thrown: unknown) => thrown,
  );
  if (error instanceof SpikeshipError) return error;
  throw error;
}

/** Training of any network on any dataset, in a directory of its own. */
async function refused(name: string, description: object, dataset: Dataset): Promise<SpikeshipError> {
  const network: Network = networkFromDescription(description, layers);
  const options = { training: smallTraining(sgd), seed: 0, directory: join(folder, name), registry: layers };
  try {
    return await failure(trainInDirectory(network, dataset, options));
  } finally {
    network.dispose();
  }
}

describe("a run", () => {
  it("writes one line of metrics an epoch, tells its progress, and leaves a checkpoint that predicts as measured", async () => {
    const directory = join(folder, "plain");
    const told: EpochRecord[] = [];
    const progress: TrainProgress[] = [];
    const { epochs, checkpoint } = await train(directory, sgd, {
      metadata: { config: { name: "small" } },
      onEpoch: (record) => told.push(record),
      onProgress: (step) => progress.push(step),
    });
    expect(told).toEqual(epochs);
    const { metrics, metadata } = outcomeOf(directory);
    expect(metrics).toBe(epochs.map((record) => `${JSON.stringify(record)}\n`).join(""));
    expect(metadata).toMatchObject({ config: { name: "small" }, epochs });
    expect(epochs.map(({ learningRate }) => learningRate)).toEqual([0.05, 0.05 * 0.7, 0.05 * 0.7 ** 2]);
    expect(progress).toHaveLength(21);
    expect(progress.at(-1)).toMatchObject({ epoch: 3, epochs: 3, batch: 7, batches: 7, secondsLeft: 0 });
    expect(progress.at(-1)!.loss).toBe(epochs.at(-1)!.trainLoss);
    const { network } = loadCheckpoint(checkpoint, layers);
    expect(evaluate(network, smallDataset().test, { seed: 21 }).accuracy).toBe(epochs.at(-1)!.testAccuracy);
    network.dispose();
    expect(existsSync(join(directory, "tensorboard"))).toBe(true);
  });

  it("of no epochs leaves the network as it began", async () => {
    const directory = join(folder, "none");
    const { epochs } = await train(directory, sgd, { training: smallTraining(sgd, 0) });
    expect(epochs).toEqual([]);
    const fresh = smallNetwork(21);
    const { tensors, metrics } = outcomeOf(directory);
    expect(metrics).toBe("");
    for (const [name, tensor] of fresh.stateDict()) expect(tensors.get(name)).toEqual([...tensor.toArray()]);
    fresh.dispose();
  });

  it("that does not resume begins anew, so that no older checkpoint is taken for its own", async () => {
    const directory = join(folder, "anew");
    await train(directory, sgd, { training: smallTraining(sgd, 1) });
    await failure(train(directory, sgd, { shouldStop: () => true }));
    const stopped = outcomeOf(directory);
    expect(stopped.metadata).toMatchObject({ epochs: [], training: { epoch: 0, loader: { batch: 1 } } });
    expect(stopped.metrics).toBe("");
  });

  it("can go on for more epochs than it was begun with", async () => {
    const [longer, whole] = [join(folder, "longer"), join(folder, "whole")];
    await train(longer, sgd, { training: smallTraining(sgd, 1) });
    const { epochs } = await train(longer, sgd, { resume: true });
    await train(whole, sgd);
    expect(epochs).toHaveLength(3);
    expect(outcomeOf(longer).tensors).toEqual(outcomeOf(whole).tensors);
    expect(outcomeOf(longer).metrics).toBe(outcomeOf(whole).metrics);
  });

  it("that is finished is left alone when resumed", async () => {
    const directory = join(folder, "finished");
    await train(directory, sgd);
    const before = readFileSync(join(directory, CHECKPOINT_FILE));
    const { epochs } = await train(directory, sgd, { resume: true });
    expect(epochs).toHaveLength(3);
    expect(readFileSync(join(directory, CHECKPOINT_FILE)).equals(before)).toBe(true);
  });
});

describe("a run is not resumed", () => {
  it("with other settings or another seed", async () => {
    const directory = join(folder, "settings");
    await train(directory, sgd, { training: smallTraining(sgd, 1) });
    const before = readFileSync(join(directory, CHECKPOINT_FILE));
    const { code, message } = await failure(train(directory, OPTIMIZERS.adam!, { resume: true, seed: 4 }));
    expect(code).toBe("OPTION");
    expect(message).toContain("expected the settings it was begun with, got another seed, optimizer.");
    const batches = { ...smallTraining(sgd), batchSize: 10 };
    expect((await failure(train(directory, sgd, { resume: true, training: batches }))).message).toContain(
      "another batchSize",
    );
    expect(readFileSync(join(directory, CHECKPOINT_FILE)).equals(before)).toBe(true);
  });

  it("with another network", async () => {
    const directory = join(folder, "network");
    await train(directory, sgd, { training: smallTraining(sgd, 1) });
    const other = smallNetwork(21, "LatencyEncoder");
    const options = { training: smallTraining(sgd), seed: 21, directory, registry: layers, resume: true };
    const { code, message } = await failure(trainInDirectory(other, smallDataset(), options));
    other.dispose();
    expect(code).toBe("OPTION");
    expect(message).toContain("expected the network that the run was begun with");
  });

  it("from a checkpoint without the state of a run", async () => {
    const directory = join(folder, "stateless");
    await train(directory, sgd, { training: smallTraining(sgd, 0) });
    const network = smallNetwork(21);
    saveCheckpoint(join(directory, CHECKPOINT_FILE), network, new Map(), { training: { epoch: 1 }, epochs: [] });
    network.dispose();
    const { code, message } = await failure(train(directory, sgd, { resume: true }));
    expect(code).toBe("FILE");
    expect(message).toContain(`${join(directory, CHECKPOINT_FILE)}: state of the training`);
  });
});

describe("a network that cannot be trained on a dataset is refused", () => {
  it("when samples or classes do not fit", async () => {
    const dataset = smallDataset();
    const input = await refused("input", smallDescription(12), dataset);
    expect(input.code).toBe("SHAPE");
    expect(input.message).toBe(
      "network input: expected inputShape [1,8,8], the shape of a sample of digits, got [1,12,12].",
    );
    const classes = await refused("classes", smallDescription(), { ...dataset, classes: 12 });
    expect(classes.message).toContain("network output: expected 12 outputs, one for each class of digits, got 10.");
    const image = { inputShape: [1, 8, 8], steps: 2, root: { kind: "IFNode" } };
    expect((await refused("image", image, dataset)).message).toContain(
      "expected one rate for each class [F], got [1,8,8]",
    );
    expect(existsSync(join(folder, "image", CHECKPOINT_FILE))).toBe(false);
  });

  it("but may read images flat", async () => {
    const layer = { kind: "Linear", inFeatures: 64, outFeatures: 10 };
    const network = networkFromDescription({ inputShape: [64], steps: 2, root: layer }, layers);
    const options = { training: smallTraining(sgd, 1), seed: 0, directory: join(folder, "flat"), registry: layers };
    expect((await trainInDirectory(network, smallDataset(), options)).epochs).toHaveLength(1);
    network.dispose();
  });

  it("when its loss is no longer finite", async () => {
    const dataset = smallDataset();
    const images = Float32Array.from({ length: dataset.train.count * 64 }, () => 3e38);
    const constant = smallDescription(8, "ConstantEncoder");
    const root = {
      kind: "Sequential",
      layers: [{ kind: "Flatten" }, { kind: "Linear", inFeatures: 64, outFeatures: 10 }],
    };
    const broken = { ...dataset, train: { ...dataset.train, images, levels: null } };
    const { code, message } = await refused("infinite", { ...constant, root }, broken);
    expect(code).toBe("VALUE");
    expect(message).toMatch(
      /^training, epoch 1, sample 0: expected a finite loss, got (NaN|Infinity)\. Lower the learning rate/,
    );
  });
});
