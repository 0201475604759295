/**
 * A training in a directory: steps a `TrainingRun` to its end, keeps `checkpoint.safetensors` up to date, writes metrics as JSON lines
 * and TensorBoard events, reports progress, and stops cleanly when asked to.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { ensureDirectory, fail, parseWith } from "../core/index.ts";
import type { Dataset } from "../data/index.ts";
import { copyParameters, type LayerRegistry, loadCheckpoint, type Network, saveCheckpoint } from "../model/index.ts";
import type { TrainingConfig } from "./config.ts";
import { MetricsWriter } from "./metrics/index.ts";
import { type EpochRecord, type EpochSums, runMetadataSchema } from "./state.ts";
import { TrainingRun } from "./training-run.ts";

export const CHECKPOINT_FILE = "checkpoint.safetensors";

export interface TrainProgress {
  epoch: number;
  epochs: number;
  batch: number;
  batches: number;
  imagesPerSecond: number;
  secondsLeft: number;
  /** Of the epoch so far; on a device, of what was begun when this is read, which waits for it. */
  readonly loss: number;
  readonly accuracy: number;
}

export interface TrainOptions {
  training: TrainingConfig;
  seed: number;
  directory: string;
  /** Where to train: "cpu", "cuda", "cuda:1" or "auto", instead of what the config says. */
  device?: string | undefined;
  /** Continue from the directory's checkpoint, when there is one. */
  resume?: boolean;
  /** Needed to resume. */
  registry: LayerRegistry;
  /** JSON stored in the checkpoint (the run's config). */
  metadata?: Record<string, unknown>;
  onProgress?: (progress: TrainProgress) => void;
  onEpoch?: (record: EpochRecord) => void;
  /** A line about how it is done: why steps are not recorded. */
  onNotice?: (line: string) => void;
  /** Asked between steps: true saves and ends the run with INTERRUPTED. */
  shouldStop?: () => boolean;
}

export interface TrainOutcome {
  epochs: EpochRecord[];
  checkpoint: string;
}

/**
 * Trains `network` in place, on the chosen device, where it stays. A run that does not resume begins the directory anew: its checkpoint is there before the first batch, so
 * that a run that is killed at any moment can be resumed.
 */
export async function trainInDirectory(
  network: Network,
  dataset: Dataset,
  options: TrainOptions,
): Promise<TrainOutcome> {
  ensureDirectory(options.directory);
  const checkpoint = join(options.directory, CHECKPOINT_FILE);
  network.to(options.device ?? options.training.device ?? network.device);
  const run = new TrainingRun(network, dataset, options.training, options.seed, options.onNotice);
  try {
    const epochs = begin(run, checkpoint, options);
    const metrics = new MetricsWriter(options.directory, { afterEpoch: run.epoch });
    try {
      while (run.epoch < options.training.epochs) {
        await runEpoch(run, checkpoint, epochs, options);
        const sums = run.endEpoch();
        const record = epochRecord(run, sums);
        epochs.push(record);
        metrics.epoch(record);
        save(run, checkpoint, epochs, options);
        options.onEpoch?.(record);
        if (run.epoch < options.training.epochs && options.shouldStop?.()) interrupted(run, checkpoint, options);
      }
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
  const before = run.samples;
  for (const batch of run.loader) {
    run.step(batch);
    const seconds = (performance.now() - started) / 1000;
    const rate = (run.samples - before) / seconds;
    const left = run.dataset.train.count * (options.training.epochs - run.epoch) - run.samples;
    const done = run.loader.state.batch;
    const sums = run.sumsWhenAsked();
    options.onProgress?.({
      epoch: run.epoch + 1,
      epochs: options.training.epochs,
      batch: done,
      batches: run.loader.batchesPerEpoch,
      imagesPerSecond: rate,
      secondsLeft: left / rate,
      get loss() {
        return sums().loss / sums().samples;
      },
      get accuracy() {
        return sums().correct / sums().samples;
      },
    });
    await setImmediate();
    if (!run.withinStep && done < run.loader.batchesPerEpoch && options.shouldStop?.()) {
      save(run, checkpoint, epochs, options);
      interrupted(run, checkpoint, options);
    }
  }
}

/** Ends a run whose state was saved. */
function interrupted(run: TrainingRun, checkpoint: string, options: TrainOptions): never {
  fail("INTERRUPTED", {
    where: "training",
    expected: `${options.training.epochs} epochs`,
    got: `an interrupt in epoch ${run.epoch + 1}`,
    hint: `Saved ${checkpoint}; continue with --resume.`,
  });
}

function epochRecord(run: TrainingRun, sums: EpochSums): EpochRecord {
  return {
    epoch: run.epoch,
    learningRate: run.optimizer.learningRate,
    trainLoss: sums.loss / sums.samples,
    trainAccuracy: sums.correct / sums.samples,
    testAccuracy: run.evaluate().accuracy,
  };
}

function save(run: TrainingRun, checkpoint: string, epochs: EpochRecord[], options: TrainOptions): void {
  const { state, tensors } = run.save();
  saveCheckpoint(checkpoint, run.network, tensors, { ...options.metadata, training: state, epochs });
}

/** The epochs that are behind the run: those of the checkpoint it resumes, or none. */
function begin(run: TrainingRun, checkpoint: string, options: TrainOptions): EpochRecord[] {
  if (options.resume && existsSync(checkpoint)) return restore(run, checkpoint, options.registry);
  save(run, checkpoint, [], options);
  return [];
}

function restore(run: TrainingRun, checkpoint: string, registry: LayerRegistry): EpochRecord[] {
  const saved = loadCheckpoint(checkpoint, registry);
  try {
    const { training, epochs } = parseWith(
      runMetadataSchema,
      saved.metadata,
      `${checkpoint}: state of the training`,
      "FILE",
    );
    if (JSON.stringify(saved.network.describe()) !== JSON.stringify(run.network.describe())) {
      fail("OPTION", {
        where: checkpoint,
        expected: "the network that the run was begun with",
        got: "another one in the config",
        hint: "Give the same config, or begin anew without --resume.",
      });
    }
    run.restore(training, saved.extra);
    copyParameters(saved.network, run.network);
    return epochs;
  } finally {
    saved.network.dispose();
  }
}
