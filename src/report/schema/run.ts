/** Schemas of what was trained: data, network, learning curves, confusion matrices. */
import { z } from "zod";
import { nonNegativeInteger, positiveInteger, probability } from "../../core/index.ts";

export const datasetFactsSchema = z.strictObject({
  name: z.string(),
  /** Which samples were used for what, in words. */
  split: z.string(),
  trainSamples: nonNegativeInteger,
  testSamples: nonNegativeInteger,
  /** Name of each class, in order. */
  classes: z.array(z.string()).min(1),
  attribution: z.string().optional(),
});
export type DatasetFacts = z.infer<typeof datasetFactsSchema>;

export const networkFactsSchema = z.strictObject({
  /** Shape of one sample, `[C,H,W]` or `[F]`. */
  inputShape: z.array(positiveInteger).min(1),
  /** Time-steps T. */
  steps: positiveInteger,
  /** How a sample becomes spikes or currents, in words. */
  encoder: z.string(),
  parameters: nonNegativeInteger,
  layers: z.array(
    z.strictObject({
      path: z.string(),
      /** Kind with its options, as the network prints it. */
      layer: z.string(),
      outputShape: z.array(positiveInteger),
      parameters: nonNegativeInteger,
    }),
  ),
});
export type NetworkFacts = z.infer<typeof networkFactsSchema>;

export const epochSchema = z.strictObject({
  /** From 1. */
  epoch: nonNegativeInteger,
  learningRate: z.number().min(0),
  trainLoss: z.number(),
  trainAccuracy: probability,
  testAccuracy: probability,
});
export type Epoch = z.infer<typeof epochSchema>;

export const phaseSchema = z.strictObject({
  title: z.string(),
  /** One sentence: what happens in this phase. */
  note: z.string().optional(),
  epochs: z.array(epochSchema),
});
export type Phase = z.infer<typeof phaseSchema>;

/** Right answers among samples. */
export const scoreSchema = z
  .strictObject({ correct: nonNegativeInteger, samples: positiveInteger })
  .refine((score) => score.correct <= score.samples, { message: "more right answers than samples", path: ["correct"] });
export type Score = z.infer<typeof scoreSchema>;

export const matrixSchema = z.strictObject({
  title: z.string(),
  /** `[label][predicted]` */
  counts: z.array(z.array(nonNegativeInteger)).min(1),
});
export type Matrix = z.infer<typeof matrixSchema>;
