/** Schemas of one deployment target: its files, what the export changed, how it was judged and how to run it. */
import { z } from "zod";
import { nonNegativeInteger } from "../../core/index.ts";
import type { InspectedLayer, LossyStep } from "../../exporters/index.ts";
import { findingSchema } from "../../exporters/index.ts";
import { quantizationReportSchema } from "../../quantize/index.ts";
import { verdictDocumentSchema } from "../../verify/index.ts";
import { scoreSchema } from "./run.ts";
import { sampleRunSchema } from "./sample.ts";

const fileSchema = z.strictObject({
  path: z.string(),
  bytes: nonNegativeInteger,
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits (SHA-256)"),
  /** What it is for, or what is in it (its layers). */
  content: z.string().optional(),
});
export type FileFacts = z.infer<typeof fileSchema>;

const lossySchema: z.ZodType<LossyStep> = z.strictObject({
  place: z.string(),
  what: z.string(),
  count: nonNegativeInteger,
  largestChange: z.number(),
});

const layerSchema: z.ZodType<InspectedLayer> = z.strictObject({
  kind: z.string(),
  name: z.string(),
  shape: z.string(),
  size: z.string(),
  spiking: z.boolean(),
});

const commandSchema = z.strictObject({
  command: z.string(),
  /** What it does and needs, one sentence. */
  purpose: z.string(),
});

export const targetSchema = z.strictObject({
  id: z.string(),
  /** Name of the chip, as people say it. */
  title: z.string(),
  /** One or two sentences: what the chip does to numbers. */
  about: z.string(),
  /** On the test split: the prepared network, and the file run as the chip would. */
  scores: z.strictObject({ prepared: scoreSchema, chip: scoreSchema }),
  verdict: verdictDocumentSchema,
  files: z.array(fileSchema),
  /** What the chip's file holds. */
  inspection: z
    .strictObject({
      about: z.array(z.tuple([z.string(), z.string()])),
      layers: z.array(layerSchema),
    })
    .optional(),
  /** What quantization did to the layers and what each of them costs, where the target says it. */
  quantization: quantizationReportSchema.optional(),
  findings: z.array(findingSchema),
  lossy: z.array(lossySchema),
  sample: sampleRunSchema.nullable(),
  /** What is shown by this run and what is not, one sentence each. */
  proven: z.array(z.string()),
  notProven: z.array(z.string()),
  commands: z.array(commandSchema),
});
export type TargetFacts = z.infer<typeof targetSchema>;
