/** A training run small enough for tests, with everything whose state a resumed run needs: shuffling, shifts, Poisson spikes, dropout, batch norm. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Dataset, openDataset, selectSamples } from "../../src/data/index.ts";
import { layers } from "../../src/layers.ts";
import { loadCheckpoint } from "../../src/model/index.ts";
import {
  CHECKPOINT_FILE,
  type OptimizerInput,
  type TrainOptions,
  trainInDirectory,
  trainingSchema,
} from "../../src/train/index.ts";
import { smallNetwork } from "../model/small-network.ts";

export const OPTIMIZERS: Record<string, OptimizerInput> = {
  sgd: { kind: "sgd", learningRate: 0.05, momentum: 0.9 },
  adam: { kind: "adam", learningRate: 0.01 },
};

const SEED = 21;

/** 100 digits to train on, 20 to test. */
export function smallDataset(): Dataset {
  const digits = openDataset({ kind: "digits" });
  const first = (count: number) => Array.from({ length: count }, (_, i) => i);
  return { ...digits, train: selectSamples(digits.train, first(100)), test: selectSamples(digits.test, first(20)) };
}

export function smallTraining(optimizer: OptimizerInput, epochs = 3) {
  return trainingSchema.parse({
    epochs,
    batchSize: 16,
    loss: "crossEntropy",
    optimizer,
    schedule: { kind: "step", stepSize: 1, gamma: 0.7 },
    clipNorm: 5,
    shift: 1,
  });
}

/** Trains the small network in a directory, from the start or resumed. */
export async function train(directory: string, optimizer: OptimizerInput, options: Partial<TrainOptions> = {}) {
  const network = smallNetwork(SEED);
  try {
    return await trainInDirectory(network, smallDataset(), {
      training: smallTraining(optimizer),
      seed: SEED,
      directory,
      registry: layers,
      ...options,
    });
  } finally {
    network.dispose();
  }
}

/** All that a finished run leaves: every tensor of its checkpoint, optimizer state included, and its metrics. */
export function outcomeOf(directory: string) {
  const { network, extra, metadata } = loadCheckpoint(join(directory, CHECKPOINT_FILE), layers);
  const tensors = new Map([...network.stateDict()].map(([name, tensor]) => [name, [...tensor.toArray()]]));
  network.dispose();
  const moments = new Map([...extra].map(([name, { data }]) => [name, Array.from(data, Number)]));
  return { tensors, moments, metadata, metrics: readFileSync(join(directory, "metrics.jsonl"), "utf8") };
}
