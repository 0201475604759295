/** Gradient accumulation: which batches of an epoch share a step of the optimizer, and how much each counts. */
export interface Accumulation {
  /** Share of this batch in the samples of its step, so that means over batches add up to the mean over the step. */
  weight: number;
  /** The optimizer's step follows. */
  last: boolean;
}

/**
 * The place of batch `index` (from 0) of an epoch of `samples` samples, `every` batches of `batchSize` to a step. The last step of an epoch
 * has what is left.
 */
export function accumulationOf(index: number, every: number, batchSize: number, samples: number): Accumulation {
  const stepSize = every * batchSize;
  const start = Math.floor(index / every) * stepSize;
  const end = Math.min(start + stepSize, samples);
  const first = index * batchSize;
  const next = Math.min(first + batchSize, samples);
  return { weight: (next - first) / (end - start), last: next === end };
}
