/** What fitting the numbers to the chip cost: accuracy from stage to stage, each layer's share in it, and what was folded before. */
import {
  accuracyStages,
  costSentences,
  formatPoints,
  formatSmallShare,
  layerLosses,
  type QuantizationReport,
} from "../../quantize/index.ts";
import { countOf, formatCount, formatShare } from "../../verify/index.ts";
import { barChart, formatPercentTick } from "../charts/index.ts";
import { type Html, html } from "../escape.ts";
import { type Column, plainList, table } from "./parts.ts";

/** Nothing for targets that were not asked what their layers cost. */
export function quantizationPart(report: QuantizationReport | undefined): Html | null {
  if (!report) return null;
  const { target, calibrationSamples, options } = report;
  const chosen = Object.keys(options).length === 0 ? "" : ` with ${JSON.stringify(options)}`;
  const intro = html`<p>The chip holds weights in whole steps. How many steps make one unit of training was chosen for each layer on ${countOf(calibrationSamples, "sample")}${chosen}. A cost is the accuracy, in points of a hundred, that the network loses when this layer alone is quantized and all others stay as they were trained; below zero it gains.</p>`;
  const sentences = costSentences(report);
  const remark =
    sentences.length > 0
      ? html`<p>${sentences.join(" ")}</p>`
      : html`<p>The costs of the layers were not measured: <code>spikeship quantize ${target} CHECKPOINT --report</code> does.</p>`;
  return html`<h3>What quantization costs</h3>${intro}<div class="charts">${stagesChart(report)}${costsCharts(report)}</div>${remark}${layersTable(report)}${lossesPart(report)}${changesPart(report)}`;
}

function stagesChart(report: QuantizationReport): Html {
  return barChart({
    title: "Right answers, before and after",
    label: "share of right answers on test samples",
    tick: formatPercentTick,
    sides: [{ name: "right answers", tone: "trained" }],
    groups: accuracyStages(report).map(([name, share]) => ({ name, values: [share] })),
    format: formatShare,
    largest: 1,
  });
}

function costsCharts({ layers, measured }: QuantizationReport): Html[] {
  if (!measured) return [];
  const costs = [
    ...layers.flatMap(({ place, cost }) => (cost ? [{ name: place, cost }] : [])),
    { name: "together", cost: measured.all },
  ];
  return [
    barChart({
      title: "What each layer costs",
      label: "points of accuracy lost",
      sides: [{ name: "cost", tone: "chip" }],
      groups: costs.map(({ name, cost }) => ({ name, values: [100 * cost.accuracyLost] })),
      format: (points) => formatPoints(points / 100),
    }),
    barChart({
      title: "Spikes of the last layer that flip",
      label: "share of the spikes",
      tick: formatPercentTick,
      sides: [{ name: "flips", tone: "third" }],
      groups: costs.map(({ name, cost }) => ({ name, values: [cost.outputFlips] })),
      format: formatSmallShare,
    }),
  ];
}

const COLUMNS: readonly Column[] = [
  { title: "layer" },
  { title: "synapse" },
  { title: "steps a unit", numeric: true },
  { title: "threshold", numeric: true },
  { title: "weights", numeric: true },
  { title: "error", numeric: true },
];
const COST_COLUMNS: readonly Column[] = [
  { title: "costs", numeric: true },
  { title: "its spikes that flip", numeric: true },
  { title: "flips at the end", numeric: true },
];

function layersTable({ layers, measured }: QuantizationReport): Html {
  if (layers.length === 0) return html`<p>All layers held the chip's numbers already.</p>`;
  const rows = layers.map((layer) => ({
    cells: [
      html`<code>${layer.place}</code>`,
      layer.synapse,
      `${layer.scale}`,
      `${layer.threshold}`,
      formatCount(layer.weights),
      formatSmallShare(layer.relativeError),
      ...(measured ? costCells(layer.cost) : []),
    ],
  }));
  return table("The layers, quantized", [...COLUMNS, ...(measured ? COST_COLUMNS : [])], rows);
}

function costCells(cost: QuantizationReport["layers"][number]["cost"]): string[] {
  if (!cost) return COST_COLUMNS.map(() => "–");
  const { accuracyLost, flips, outputFlips } = cost;
  return [formatPoints(accuracyLost), flips === null ? "–" : formatSmallShare(flips), formatSmallShare(outputFlips)];
}

function lossesPart({ layers }: QuantizationReport): Html | null {
  if (layers.length === 0) return null;
  const items = layers.map((layer) => html`<code>${layer.place}</code> ${layerLosses(layer)}`);
  return html`<details><summary>What was rounded and cut off, before fine-tuning</summary>${plainList(items)}</details>`;
}

function changesPart({ changes }: QuantizationReport): Html | null {
  if (changes.length === 0) return null;
  const items = changes.map(
    ({ place, what, count, exact }) =>
      html`<code>${place}</code> ${what}${count > 1 ? ` (${formatCount(count)} numbers)` : ""}${exact ? "" : "; this changes the function"}`,
  );
  return html`<details><summary>What was folded, merged and changed before that: ${countOf(changes.length, "step")}</summary>${plainList(items)}</details>`;
}
