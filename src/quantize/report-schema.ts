/** What `quantization.json` holds, as a schema, and reading it back. */
import { z } from "zod";
import { nonNegativeInteger, positiveInteger, probability, readJson } from "../core/index.ts";
import type { QuantizationReport } from "./report.ts";
import type { QuantizationCost } from "./sensitivity.ts";

/** Far more than networks of thousands of layers need. */
const LARGEST_REPORT_BYTES = 64 * 2 ** 20;

const costSchema: z.ZodType<QuantizationCost> = z.strictObject({
  accuracy: probability,
  accuracyLost: z.number().min(-1).max(1),
  predictionsChanged: probability,
  flips: probability.nullable(),
  outputFlips: probability,
});

const layerSchema: z.ZodType<QuantizationReport["layers"][number]> = z.strictObject({
  place: z.string(),
  synapse: z.string(),
  scale: z.number(),
  threshold: z.number(),
  thresholdCut: z.number(),
  weights: nonNegativeInteger,
  rounded: nonNegativeInteger,
  clipped: nonNegativeInteger,
  largestChange: z.number(),
  relativeError: z.number(),
  biases: nonNegativeInteger,
  roundedBiases: nonNegativeInteger,
  clippedBiases: nonNegativeInteger,
  biasCorrection: z.number(),
  cost: costSchema.nullable(),
});

export const quantizationReportSchema: z.ZodType<QuantizationReport> = z.strictObject({
  format: z.literal("spikeship-quantization-1"),
  target: z.string(),
  options: z.record(z.string(), z.unknown()),
  calibrationSamples: nonNegativeInteger,
  changes: z.array(
    z.strictObject({ place: z.string(), what: z.string(), count: nonNegativeInteger, exact: z.boolean() }),
  ),
  layers: z.array(layerSchema),
  accuracy: z.strictObject({
    trained: probability.nullable(),
    folded: probability.nullable(),
    quantized: probability.nullable(),
    fineTuned: probability.nullable(),
  }),
  measured: z.strictObject({ samples: positiveInteger, flipSamples: positiveInteger, all: costSchema }).nullable(),
});

/** @throws FILE when it is missing, no JSON, or no report on a quantization. */
export function readQuantizationReport(path: string): QuantizationReport {
  return readJson(path, { maxBytes: LARGEST_REPORT_BYTES, hint: "Quantize again." }, quantizationReportSchema);
}
