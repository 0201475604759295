/** The report on a quantization as text: a table with a line for each layer, what was rounded and cut in it, then what was folded before. */
import {
  accuracyStages,
  costSentences,
  formatPoints,
  formatSmallShare,
  layerLosses,
  type QuantizationReport,
} from "../../quantize/index.ts";
import { percent } from "../output.ts";

/** Room for the names of the stages. */
const STAGE_WIDTH = 38;

export function quantizationText(report: QuantizationReport): string {
  const { changes, layers } = report;
  const list = (exact: boolean) =>
    changes
      .filter((change) => change.exact === exact)
      .map(({ place, what, count }) => `${place}: ${what}${count > 1 ? ` (${count} numbers)` : ""}`);
  return [
    ...section(
      "Test accuracy",
      accuracyStages(report).map(([stage, share]) => `${stage.padEnd(STAGE_WIDTH)} ${percent(share)}`),
    ),
    ...section("Layers", layers.length === 0 ? ["All of them held the chip's numbers already."] : layerTable(report)),
    ...section(
      "What quantization changed, before fine-tuning",
      layers.map((layer) => `${layer.place}: ${layerLosses(layer)}`),
    ),
    ...section("Changed before that", list(false)),
    ...section("Moved before that, the function staying the same", list(true)),
  ]
    .join("\n")
    .trimEnd();
}

/** A title with its lines below, and an empty line behind. */
function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`), ""];
}

const HEADER = ["layer", "synapse", "scale", "threshold", "weights", "error", "costs", "flips", "output flips"];

function layerTable(report: QuantizationReport): string[] {
  const rows = report.layers.map(({ place, synapse, scale, threshold, weights, relativeError, cost }) => [
    place,
    synapse,
    `${scale}`,
    `${threshold}`,
    `${weights}`,
    formatSmallShare(relativeError),
    ...(cost
      ? [
          formatPoints(cost.accuracyLost),
          cost.flips === null ? "" : formatSmallShare(cost.flips),
          formatSmallShare(cost.outputFlips),
        ]
      : []),
  ]);
  const header = HEADER.slice(0, rows[0]!.length);
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")
      .trimEnd();
  const costs = costSentences(report).join(" ");
  return [line(header), ...rows.map(line), ...(costs === "" ? [] : [costs])];
}
