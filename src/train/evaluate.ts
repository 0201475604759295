/** Accuracy of a network on a split, without gradients, with the same encoder spikes at every evaluation. */
import { type Split, sampleBatch } from "../data/index.ts";
import { evaluationStream, type Network } from "../model/index.ts";
import { scope, Tensor, withDevice } from "../tensor/index.ts";
import { classesOf, expectSamples } from "./fit.ts";
import { countCorrect, predictions } from "./losses.ts";

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
  /** Samples run at once (default 64). Random encoders draw batch by batch: another size, other spikes. */
  batchSize?: number;
  /** Only the first samples of the split. */
  samples?: number;
  /** Seed of the encoder's spikes (default 0). */
  seed?: number;
  onProgress?: (done: number, of: number) => void;
}

/** Runs the network, where it lies, on the first `samples` samples of a split. */
export function evaluate(network: Network, split: Split, options: EvaluationOptions = {}): Evaluation {
  expectSamples(network, split);
  const count = Math.min(options.samples ?? split.count, split.count);
  const batchSize = options.batchSize ?? 64;
  const random = evaluationStream(options.seed ?? 0);
  const classes = classesOf(network);
  const rates = new Float32Array(count * classes);
  const labels = new Int32Array(count);
  for (let start = 0; start < count; start += batchSize) {
    const size = Math.min(batchSize, count - start);
    const batch = sampleBatch(split, start, size);
    const samples = () => Tensor.from(batch.images, [size, ...network.inputShape]);
    rates.set(
      withDevice(network.device, () => scope(() => network.predict(samples(), random).toArray())),
      start * classes,
    );
    labels.set(batch.labels, start);
    options.onProgress?.(start + size, count);
  }
  const predicted = predictions(rates, classes);
  const correct = countCorrect(rates, classes, labels);
  return { accuracy: correct / count, correct, count, rates, predicted, labels };
}
