/** Accuracy of a network on a split, without gradients, with the same encoder spikes at every evaluation. */
import type { RandomStream } from "../core/index.ts";
import type { Split } from "../data/index.ts";
import { sampleBatch } from "../data/index.ts";
import { evaluationStream, type Network } from "../model/index.ts";
import { Tensor } from "../tensor/index.ts";
import { predictions } from "./losses.ts";

export interface Evaluation {
  /** Share of samples whose largest rate is their label's, 0 to 1. */
  accuracy: number;
  correct: number;
  count: number;
  /** Rates `[count, F]`. */
  rates: Float32Array;
  predicted: Int32Array;
  labels: Int32Array;
}

export interface EvaluationOptions {
  batchSize?: number;
  /** Only the first samples of the split. */
  samples?: number;
  seed?: number;
  onProgress?: (done: number, of: number) => void;
}

/** Runs the network on the first `samples` samples of a split. */
export function evaluate(network: Network, split: Split, options: EvaluationOptions = {}): Evaluation {
  const count = Math.min(options.samples ?? split.count, split.count);
  const batchSize = options.batchSize ?? 64;
  const random: RandomStream = evaluationStream(options.seed ?? 0);
  const classes = network.outputShape()[0]!;
  const rates = new Float32Array(count * classes);
  const labels = new Int32Array(count);
  for (let start = 0; start < count; start += batchSize) {
    const size = Math.min(batchSize, count - start);
    const batch = sampleBatch(split, start, size);
    const samples = Tensor.from(batch.images, [size, ...network.inputShape]);
    const output = network.predict(samples, random);
    rates.set(output.toArray(), start * classes);
    labels.set(batch.labels, start);
    output.dispose();
    samples.dispose();
    options.onProgress?.(start + size, count);
  }
  const predicted = predictions(rates, classes);
  const correct = predicted.reduce((sum, label, i) => sum + (label === labels[i] ? 1 : 0), 0);
  return { accuracy: correct / count, correct, count, rates, predicted, labels };
}
