/** What a checkpoint holds of a training run besides tensors: types, and the schema by which a file is checked. */
import { z } from "zod";
import { nonNegativeInteger, positiveInteger } from "../core/index.ts";
import { trainingSchema } from "./config.ts";
import { lossScaleState } from "./step/loss-scale.ts";

const word = nonNegativeInteger.max(2 ** 32 - 1);
const randomState = z.strictObject({ seed: word, stream: word, position: nonNegativeInteger });

const epochSums = z.strictObject({ loss: z.number(), correct: nonNegativeInteger, samples: nonNegativeInteger });
/** Sums over the samples of an epoch so far. */
export type EpochSums = z.infer<typeof epochSums>;

const epochRecord = z.strictObject({
  epoch: positiveInteger,
  learningRate: z.number(),
  trainLoss: z.number(),
  trainAccuracy: z.number(),
  testAccuracy: z.number(),
});
/** What is known after an epoch. */
export type EpochRecord = z.infer<typeof epochRecord>;

const trainingState = z.strictObject({
  // what the run was begun with; a run that continues must be given the same, except for the number of epochs
  seed: word,
  config: trainingSchema,
  epoch: nonNegativeInteger,
  sums: epochSums,
  random: randomState,
  loader: z.strictObject({ epoch: nonNegativeInteger, batch: nonNegativeInteger, random: randomState.nullable() }),
  // step counts of the optimizer; its moments are tensors
  optimizerSteps: z.record(z.string(), positiveInteger),
  // of a training with float16 factors
  lossScale: lossScaleState.optional(),
});
/** Everything besides tensors that decides how a run goes on. */
export type TrainingState = z.infer<typeof trainingState>;

/** The JSON values of a checkpoint that a resumed run reads; programs may store others beside them. */
export const runMetadataSchema = z.object({ training: trainingState, epochs: z.array(epochRecord) });
