/** How a config describes an optimizer: names, ranges and defaults (PyTorch's). */
import { z } from "zod";

const rate = z.number().positive().describe("learning rate");
const decay = z.number().min(0).default(0);
const groups = z
  .array(
    z.strictObject({
      prefix: z.string().describe("parameters whose name begins so; the first group that fits counts"),
      rateFactor: z.number().min(0).default(1).describe("multiplies the learning rate; 0 freezes"),
      weightDecay: z.number().min(0).optional().describe("replaces the optimizer's weight decay"),
    }),
  )
  .default([])
  .describe("parameters that are treated differently");
const fraction = z.number().min(0).lt(1);
const adamOptions = {
  beta1: fraction.default(0.9).describe("decay of the gradient's running mean per step"),
  beta2: fraction.default(0.999).describe("decay of the squared gradient's running mean per step"),
  epsilon: z.number().positive().default(1e-8).describe("added to the denominator"),
  groups,
};

const sgdSchema = z
  .strictObject({
    kind: z.literal("sgd"),
    learningRate: rate,
    momentum: fraction.default(0).describe("share of the last update that is kept"),
    dampening: z.number().min(0).max(1).default(0).describe("share of the gradient that momentum leaves out"),
    weightDecay: decay.describe("added to the gradient, times the weight"),
    nesterov: z.boolean().default(false).describe("look ahead along the momentum"),
    groups,
  })
  .refine((o) => !o.nesterov || (o.momentum > 0 && o.dampening === 0), {
    path: ["nesterov"],
    message: "nesterov needs a momentum above 0 and dampening 0",
  });
const adamSchema = z.strictObject({
  kind: z.literal("adam"),
  learningRate: rate,
  ...adamOptions,
  weightDecay: decay.describe("added to the gradient, times the weight"),
});
const adamwSchema = z.strictObject({
  kind: z.literal("adamw"),
  learningRate: rate,
  ...adamOptions,
  weightDecay: z.number().min(0).default(0.01).describe("weights shrink by learning rate times this in every step"),
});

export const optimizerSchema = z.discriminatedUnion("kind", [sgdSchema, adamSchema, adamwSchema]);
export type OptimizerConfig = z.infer<typeof optimizerSchema>;
/** A config as written by hand: fields with defaults may be left out. */
export type OptimizerInput = z.input<typeof optimizerSchema>;
