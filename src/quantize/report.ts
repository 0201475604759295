/** The report on a quantization as plain data: what was changed, what each layer costs, what accuracy became. `quantization.json` holds it. */
import { join } from "node:path";
import { writeFileAtomic } from "../core/index.ts";
import type { QuantizationCost, Sensitivity } from "./sensitivity.ts";
import type { Change, QuantizationStudy, QuantizedLayer } from "./study.ts";

export const QUANTIZATION_FILE = "quantization.json";

export interface QuantizationReport {
  format: "spikeship-quantization-1";
  target: string;
  /** Options of the target's prepare step, as they were given. */
  options: Record<string, unknown>;
  calibrationSamples: number;
  changes: Change[];
  /** In the order of the network; `cost` where it was measured: of quantizing this layer alone. */
  layers: (QuantizedLayer & { cost: QuantizationCost | null })[];
  /** Test accuracies, 0 to 1; null where not measured. */
  accuracy: {
    /** The network as it was trained, and in the form the chip holds, both in float. */
    trained: number | null;
    folded: number | null;
    /** All layers quantized, before and after fine-tuning. */
    quantized: number | null;
    fineTuned: number | null;
  };
  /** How costs were measured. */
  measured: { samples: number; flipSamples: number; all: QuantizationCost } | null;
}

export interface ReportFacts extends Pick<QuantizationReport, "target" | "options" | "calibrationSamples"> {
  study: Pick<QuantizationStudy, "changes" | "layers">;
  sensitivity: Sensitivity | null;
  trained: number | null;
  quantized: number | null;
  fineTuned: number | null;
}

export function quantizationReport(facts: ReportFacts): QuantizationReport {
  const { study, sensitivity, trained, quantized, fineTuned, ...rest } = facts;
  return {
    format: "spikeship-quantization-1",
    ...rest,
    changes: study.changes,
    layers: study.layers.map((layer) => ({ ...layer, cost: sensitivity?.layers.get(layer.place) ?? null })),
    accuracy: { trained, folded: sensitivity?.foldedAccuracy ?? null, quantized, fineTuned },
    measured: sensitivity && {
      samples: sensitivity.samples,
      flipSamples: sensitivity.flipSamples,
      all: sensitivity.all,
    },
  };
}

/** Returns the path of the file. */
export function writeQuantizationReport(directory: string, report: QuantizationReport): string {
  const path = join(directory, QUANTIZATION_FILE);
  writeFileAtomic(path, `${JSON.stringify(report, null, 2)}\n`);
  return path;
}
