/** From a trained network to its fine-tuned twin in a directory. */
import type { Dataset } from "../data/index.ts";
import { sampleBatch } from "../data/index.ts";
import type { LayerRegistry, Network } from "../model/index.ts";
import {
  type Config,
  evaluate,
  type TargetConfig,
  type TrainOptions,
  type TrainOutcome,
  trainInDirectory,
} from "../train/index.ts";

/** Samples `[N, ...]` of the training split that a target's prepare step may look at. */
export interface Calibration {
  shape: number[];
  data: Float32Array;
}

export function calibrationSamples(dataset: Dataset, count: number): Calibration {
  const size = Math.min(count, dataset.train.count);
  return { shape: [size, ...dataset.shape], data: sampleBatch(dataset.train, 0, size).images };
}

export interface FineTuneOptions
  extends Pick<TrainOptions, "directory" | "device" | "resume" | "onProgress" | "onEpoch" | "onNotice" | "shouldStop"> {
  config: Config;
  target: TargetConfig;
  registry: LayerRegistry;
  /** Stored in the checkpoint, so that later steps know the target. */
  targetId: string;
}

export interface FineTuneOutcome extends TrainOutcome {
  /** Test accuracy right after quantization, before any fine-tuning. */
  accuracyBefore: number;
}

/** Fine-tunes a prepared network in place, on the chosen device, where it stays. */
export async function fineTune(
  prepared: Network,
  dataset: Dataset,
  options: FineTuneOptions,
): Promise<FineTuneOutcome> {
  const { config, target, targetId, ...training } = options;
  prepared.to(options.device ?? target.training.device ?? prepared.device);
  const accuracyBefore = evaluate(prepared, dataset.test, { seed: config.seed }).accuracy;
  const outcome = await trainInDirectory(prepared, dataset, {
    ...training,
    training: target.training,
    seed: config.seed,
    metadata: { config, target: targetId },
  });
  return { ...outcome, accuracyBefore };
}
