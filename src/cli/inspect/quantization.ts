/** What `inspect` shows of `quantization.json`. */
import { parseWith } from "../../core/index.ts";
import type { FileInspection } from "../../exporters/index.ts";
import {
  accuracyStages,
  costSentences,
  formatPoints,
  formatSmallShare,
  quantizationReportSchema,
} from "../../quantize/index.ts";
import { percent } from "../output.ts";

/** @throws FILE when it is no report on a quantization */
export function describeQuantization(value: Record<string, unknown>, path: string): FileInspection {
  const report = parseWith(quantizationReportSchema, value, path, "FILE");
  const changed = report.changes.filter(({ exact }) => !exact).length;
  return {
    format: "report on a quantization",
    facts: value,
    about: [
      ["target", report.target],
      ...accuracyStages(report).map(([stage, share]): [string, string] => [stage, percent(share)]),
      ["calibrated on", `${report.calibrationSamples} samples`],
      ["changes before it", `${report.changes.length}, of them ${changed} that change the function`],
      ...costSentences(report).map((sentence): [string, string] => ["measured", sentence]),
    ],
    tables: [
      {
        title: "Layers",
        header: ["layer", "synapse", "scale", "weights", "rounded", "cut off", "costs", "output flips"],
        rows: report.layers.map(({ place, synapse, scale, weights, rounded, clipped, cost }) => [
          place,
          synapse,
          `${scale}`,
          `${weights}`,
          `${rounded}`,
          `${clipped}`,
          cost ? formatPoints(cost.accuracyLost) : "not measured",
          cost ? formatSmallShare(cost.outputFlips) : "not measured",
        ]),
      },
    ],
  };
}
