/** The parts of `verdict.json` as zod schemas. The types they describe live where they are computed; both are held equal by the compiler. */
import { z } from "zod";
import { nonNegativeInteger, positiveInteger, probability } from "../core/index.ts";
import { findingSchema, type NumberReport, type TargetContract } from "../exporters/index.ts";
import type { Check, Verdict } from "./judge.ts";
import type { Difference, LayerComparison } from "./layers.ts";
import type { RunComparison } from "./predictions.ts";

export const contractSchema: z.ZodType<TargetContract> = z.strictObject({
  maxFlipRate: probability,
  minPredictionAgreement: probability,
  statement: z.string(),
});

const differenceSchema: z.ZodType<Difference> = z.strictObject({
  layer: z.string(),
  step: nonNegativeInteger,
  sample: nonNegativeInteger,
  neuron: z.array(nonNegativeInteger).min(1),
  trained: z.number(),
  chip: z.number(),
});

export const layerComparisonSchema: z.ZodType<LayerComparison> = z.strictObject({
  layer: z.string(),
  steps: nonNegativeInteger,
  samples: nonNegativeInteger,
  neurons: z.array(nonNegativeInteger).min(1),
  values: nonNegativeInteger,
  trainedSpikes: nonNegativeInteger,
  chipSpikes: nonNegativeInteger,
  mismatches: nonNegativeInteger,
  flipRate: probability,
  mismatchesByStep: z.array(nonNegativeInteger),
  firstDifference: differenceSchema.nullable(),
});

export const runComparisonSchema: z.ZodType<RunComparison> = z.strictObject({
  samples: positiveInteger,
  classes: positiveInteger,
  agreeing: nonNegativeInteger,
  agreement: probability,
  trainedCorrect: nonNegativeInteger,
  chipCorrect: nonNegativeInteger,
  trainedAccuracy: probability,
  chipAccuracy: probability,
  trainedTies: nonNegativeInteger,
  chipTies: nonNegativeInteger,
  equalRates: nonNegativeInteger,
  largestRateDifference: z.number().min(0),
  firstDisagreement: z
    .strictObject({
      sample: nonNegativeInteger,
      label: nonNegativeInteger,
      trained: nonNegativeInteger,
      chip: nonNegativeInteger,
    })
    .nullable(),
});

export const numberReportSchema: z.ZodType<NumberReport> = z.strictObject({
  samples: positiveInteger,
  layers: z.array(
    z.strictObject({
      layer: z.string(),
      potentials: z
        .strictObject({
          threshold: z.number(),
          lowest: z.number(),
          highest: z.number(),
          count: positiveInteger,
          histogram: z.array(nonNegativeInteger).min(1),
          below: nonNegativeInteger,
          above: nonNegativeInteger,
          near: z.array(z.strictObject({ units: z.number().positive(), count: nonNegativeInteger })),
        })
        .nullable(),
      events: z.array(
        z.strictObject({
          kind: z.enum(["overflow", "stall", "subnormal"]),
          step: nonNegativeInteger.nullable(),
          value: z.number(),
          count: positiveInteger,
        }),
      ),
    }),
  ),
  findings: z.array(findingSchema),
});

const checkSchema: z.ZodType<Check> = z.strictObject({
  subject: z.string(),
  passed: z.boolean(),
  sentence: z.string(),
});

export const verdictSchema: z.ZodType<Verdict> = z
  .strictObject({
    passed: z.boolean(),
    statement: z.string(),
    checks: z.array(checkSchema).min(1),
    notes: z.array(z.string()),
  })
  .refine((verdict) => verdict.passed === verdict.checks.every((check) => check.passed), {
    message: "`passed` must say what the checks say",
    path: ["passed"],
  });
