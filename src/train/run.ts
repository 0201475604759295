/**
 * A training in a directory: steps a `TrainingRun` to its end, keeps `checkpoint.safetensors` up to date, writes metrics as JSON lines
 * and TensorBoard events, reports progress, and stops cleanly when asked to.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { ensureDirectory, fail, SpikeshipError } from "../core/index.ts";
import type { Dataset } from "../data/index.ts";
import { copyParameters, type LayerRegistry, loadCheckpoint, type Network, saveCheckpoint } from "../model/index.ts";
import type { TrainingConfig } from "./config.ts";
import { evaluate } from "./evaluate.ts";
import { MetricsWriter } from "./metrics/index.ts";
import { type EpochSums, TrainingRun, type TrainingState } from "./training-run.ts";

export const CHECKPOINT_FILE = "checkpoint.safetensors";

/** What is known after an epoch. */
export interface EpochRecord {
  epoch: number;
  learningRate: number;
  trainLoss: number;
  trainAccuracy: number;
  testAccuracy: number;
}

export interface TrainProgress {
  epoch: number;
  epochs: number;
  batch: number;
  batches: number;
  imagesPerSecond: number;
  secondsLeft: number;
  loss: number;
  accuracy: number;
}

export interface TrainOptions {
  training: TrainingConfig;
  seed: number;
  directory: string;
  /** Continue from the directory's checkpoint, when there is one. */
  resume?: boolean;
  /** Needed to resume. */
  registry: LayerRegistry;
  /** JSON stored in the checkpoint (the run's config). */
  metadata?: Record<string, unknown>;
  onProgress?: (progress: TrainProgress) => void;
  onEpoch?: (record: EpochRecord) => void;
  /** Asked between batches: true saves and ends the run with INTERRUPTED. */
  shouldStop?: () => boolean;
}

export interface TrainOutcome {
  epochs: EpochRecord[];
  checkpoint: string;
}

/** Trains `network` in place. */
export async function trainInDirectory(
  network: Network,
  dataset: Dataset,
  options: TrainOptions,
): Promise<TrainOutcome> {
  ensureDirectory(options.directory);
  const checkpoint = join(options.directory, CHECKPOINT_FILE);
  const run = new TrainingRun(network, dataset, options.training, options.seed);
  try {
    const epochs = resume(run, checkpoint, options);
    const metrics = new MetricsWriter(options.directory, { afterEpoch: run.epoch });
    try {
      while (run.epoch < options.training.epochs) {
        await runEpoch(run, checkpoint, epochs, options);
        const sums = run.endEpoch();
        const record = epochRecord(run, sums, options);
        epochs.push(record);
        metrics.epoch(record);
        save(run, checkpoint, epochs, options);
        options.onEpoch?.(record);
      }
      if (!existsSync(checkpoint)) save(run, checkpoint, epochs, options);
    } finally {
      metrics.close();
    }
    return { epochs, checkpoint };
  } finally {
    run.dispose();
  }
}

async function runEpoch(
  run: TrainingRun,
  checkpoint: string,
  epochs: EpochRecord[],
  options: TrainOptions,
): Promise<void> {
  const started = performance.now();
  const before = run.sums.samples;
  for (const batch of run.loader) {
    run.step(batch);
    const seconds = (performance.now() - started) / 1000;
    const rate = (run.sums.samples - before) / seconds;
    const left = run.dataset.train.count * (options.training.epochs - run.epoch) - run.sums.samples;
    const done = run.loader.state.batch;
    options.onProgress?.({
      epoch: run.epoch + 1,
      epochs: options.training.epochs,
      batch: done,
      batches: run.loader.batchesPerEpoch,
      imagesPerSecond: rate,
      secondsLeft: left / rate,
      loss: run.sums.loss / run.sums.samples,
      accuracy: run.sums.correct / run.sums.samples,
    });
    await setImmediate();
    if (done < run.loader.batchesPerEpoch && options.shouldStop?.()) stop(run, checkpoint, epochs, options);
  }
}

/** Saves where the run stands and ends it. */
function stop(run: TrainingRun, checkpoint: string, epochs: EpochRecord[], options: TrainOptions): never {
  save(run, checkpoint, epochs, options);
  fail("INTERRUPTED", {
    where: "training",
    expected: `${options.training.epochs} epochs`,
    got: `an interrupt in epoch ${run.epoch + 1}`,
    hint: `Saved ${checkpoint}; continue with --resume.`,
  });
}

function epochRecord(run: TrainingRun, sums: EpochSums, options: TrainOptions): EpochRecord {
  return {
    epoch: run.epoch,
    learningRate: run.optimizer.learningRate,
    trainLoss: sums.loss / sums.samples,
    trainAccuracy: sums.correct / sums.samples,
    testAccuracy: evaluate(run.network, run.dataset.test, { seed: options.seed }).accuracy,
  };
}

function save(run: TrainingRun, checkpoint: string, epochs: EpochRecord[], options: TrainOptions): void {
  const { state, tensors } = run.save();
  saveCheckpoint(checkpoint, run.network, tensors, { ...options.metadata, training: state, epochs });
}

function resume(run: TrainingRun, checkpoint: string, options: TrainOptions): EpochRecord[] {
  if (!options.resume || !existsSync(checkpoint)) return [];
  const saved = loadCheckpoint(checkpoint, options.registry);
  try {
    const { training, epochs } = saved.metadata as { training?: TrainingState; epochs?: EpochRecord[] };
    if (!training || !epochs) {
      throw new SpikeshipError("FILE", {
        where: checkpoint,
        expected: "the state of a training run",
        got: "a checkpoint without it",
        hint: "Start without --resume in another directory.",
      });
    }
    copyParameters(saved.network, run.network);
    run.restore(training, saved.extra);
    return epochs;
  } finally {
    saved.network.dispose();
  }
}
