/** The report on a quantization as text: a table with a line for each layer, what was rounded and cut in it, then what was folded before. */
import type { QuantizationReport, QuantizedLayer } from "../../quantize/index.ts";
import { percent } from "../output.ts";

export function quantizationText(report: QuantizationReport): string {
  const { accuracy, changes, layers } = report;
  const rows: [string, number | null][] = [
    ["trained, in float", accuracy.trained],
    ["in the form the chip holds, in float", accuracy.folded],
    ["quantized, before fine-tuning", accuracy.quantized],
    ["quantized, after fine-tuning", accuracy.fineTuned],
  ];
  const list = (exact: boolean) =>
    changes
      .filter((change) => change.exact === exact)
      .map(({ place, what, count }) => `${place}: ${what}${count > 1 ? ` (${count} numbers)` : ""}`);
  return [
    ...section(
      "Test accuracy",
      rows.flatMap(([name, share]) => (share === null ? [] : [`${name.padEnd(38)} ${percent(share)}`])),
    ),
    ...section("Layers", layers.length === 0 ? ["All of them held the chip's numbers already."] : layerTable(report)),
    ...section("What quantization changed, before fine-tuning", layers.map(lossLine)),
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

function layerTable({ layers, measured }: QuantizationReport): string[] {
  const rows = layers.map(({ place, synapse, scale, threshold, weights, relativeError, cost }) => [
    place,
    synapse,
    `${scale}`,
    `${threshold}`,
    `${weights}`,
    share(relativeError),
    ...(cost ? [points(cost.accuracyLost), cost.flips === null ? "" : share(cost.flips), share(cost.outputFlips)] : []),
  ]);
  const header = HEADER.slice(0, rows[0]!.length);
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")
      .trimEnd();
  return [line(header), ...rows.map(line), ...(measured ? [costLine(layers, measured)] : [])];
}

function costLine(
  layers: QuantizationReport["layers"],
  { samples, flipSamples, all }: NonNullable<QuantizationReport["measured"]>,
): string {
  const dearest = layers.reduce((a, b) => (outputFlips(b) > outputFlips(a) ? b : a));
  return [
    `Costs on ${samples} test samples (spikes: ${flipSamples}): one layer quantized, all others in float.`,
    `All layers together cost ${points(all.accuracyLost)}; ${share(all.outputFlips)} of the last layer's spikes differ.`,
    outputFlips(dearest) > 0 ? `Layer ${dearest.place} changes most of them.` : "No layer alone changes any of them.",
  ].join(" ");
}

const outputFlips = ({ cost }: QuantizationReport["layers"][number]): number => cost?.outputFlips ?? 0;

/** What was lost in a layer, with counts. */
function lossLine(layer: QuantizedLayer): string {
  const { weights, rounded, clipped, largestChange, thresholdCut, biases, roundedBiases, clippedBiases } = layer;
  const facts = [
    `${rounded} of ${weights} weights rounded to even steps, by at most ${short(largestChange)} steps, ${clipped} of them cut off`,
    biases > 0 ? `${roundedBiases} of ${biases} biases rounded, ${clippedBiases} of them cut off` : null,
    layer.biasCorrection > 0 ? `biases corrected by at most ${short(layer.biasCorrection)} steps` : null,
    thresholdCut > 0 ? `threshold cut by ${short(thresholdCut)} steps` : null,
  ];
  return `${layer.place}: ${facts.filter((fact) => fact !== null).join("; ")}`;
}

/** 0.0123 -> `1.23 points` */
const points = (lost: number): string => `${(100 * lost).toFixed(2)} points`;

const short = (value: number): string => `${Number(value.toPrecision(2))}`;

/** Small shares with two digits that mean something. */
const share = (value: number): string => `${short(100 * value)}%`;
