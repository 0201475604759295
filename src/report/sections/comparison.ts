/** One comparison of a file with its network: the verdict with its reasons, and the table of layers. */
import { formatShape } from "../../core/index.ts";
import {
  countOf,
  describeDifference,
  formatCount,
  formatShare,
  type JudgedComparison,
  type LayerComparison,
} from "../../verify/index.ts";
import { barChart, formatPercentTick } from "../charts/index.ts";
import { type Content, type Html, html } from "../escape.ts";
import { badge, icon, plainList, table } from "./parts.ts";

export function comparisonPart(comparison: JudgedComparison): Html {
  const { title, verdict, predictions, layers, events } = comparison;
  const checks = verdict.checks.map(
    ({ subject, passed, sentence }) =>
      html`<li class="${passed ? "pass" : "fail"}">${icon(passed)}<span><strong>${passed ? "" : "Broken: "}<code>${subject}</code></strong> ${sentence}</span></li>`,
  );
  const remarks = [
    ...verdict.notes,
    ...(events.length === 0 ? [] : [`${countOf(events.length, "event")} while the file ran.`]),
  ];
  return html`<h3>${title} ${badge(verdict.passed)}</h3><p><strong>The contract:</strong> ${verdict.statement}</p><ul class="checks">${checks}</ul>${remarks.length > 0 ? plainList(remarks) : null}${layersTable(layers)}${stepsTable(layers)}${answers(predictions)}<div class="charts">${ratesChart(layers)}${flipsChart(layers, comparison.contract)}</div>`;
}

function layersTable(layers: readonly LayerComparison[]): Html {
  const rows = layers.map((layer) => ({
    differs: layer.mismatches > 0,
    cells: [
      html`<code>${layer.layer}</code>`,
      formatShape(layer.neurons),
      formatCount(layer.values),
      formatCount(layer.trainedSpikes),
      formatCount(layer.chipSpikes),
      marked(formatCount(layer.mismatches), layer.mismatches > 0),
      marked(formatShare(layer.flipRate), layer.mismatches > 0),
      layer.firstDifference === null ? "none" : describeDifference(layer.firstDifference),
    ],
  }));
  return table(
    "Layer by layer: every neuron at every time-step of every sample (steps, samples and neurons are counted from 0)",
    [
      { title: "layer" },
      { title: "neurons" },
      { title: "values", numeric: true },
      { title: "spikes, trained", numeric: true },
      { title: "spikes, chip", numeric: true },
      { title: "differ", numeric: true },
      { title: "share", numeric: true },
      { title: "first difference", wide: true },
    ],
    rows,
  );
}

/** Columns of the table of steps; more steps share a column. */
const MOST_COLUMNS = 12;

/** When values differ: a flip stays in the sequence of its neuron, so shares grow with time. */
function stepsTable(layers: readonly LayerComparison[]): Html | null {
  const steps = Math.max(0, ...layers.map((layer) => layer.steps));
  if (steps < 2 || layers.every((layer) => layer.mismatches === 0)) return null;
  const width = Math.ceil(steps / MOST_COLUMNS);
  const starts = Array.from({ length: Math.ceil(steps / width) }, (_, column) => column * width);
  const rows = layers.map((layer) => ({
    cells: [
      html`<code>${layer.layer}</code>`,
      ...starts.map((start) => {
        const part = layer.mismatchesByStep.slice(start, start + width);
        const differing = part.reduce((sum, count) => sum + count, 0);
        const share = differing / ((layer.values / layer.steps) * part.length);
        return marked(differing === 0 ? "0" : `${formatCount(differing)} (${formatShare(share)})`, differing > 0);
      }),
    ],
  }));
  const titles = starts.map((start) => ({
    title: width === 1 ? `step ${start}` : `${start}–${Math.min(steps, start + width) - 1}`,
    numeric: true,
  }));
  return table("Values that differ, step by step", [{ title: "layer" }, ...titles], rows);
}

const marked = (text: string, differs: boolean): Content =>
  differs ? html`<strong class="off">${text}</strong>` : text;

function answers(run: JudgedComparison["predictions"]): Html {
  const side = (correct: number, accuracy: number, ties: number) => [
    formatCount(correct),
    formatShare(accuracy),
    formatCount(ties),
  ];
  return table(
    `Answers on ${countOf(run.samples, "sample")}: the same for ${formatCount(run.agreeing)} (${formatShare(run.agreement)}), equal rates in every class for ${formatCount(run.equalRates)}`,
    [
      { title: "side" },
      { title: "right", numeric: true },
      { title: "accuracy", numeric: true },
      { title: "ties for the largest rate", numeric: true },
    ],
    [
      { cells: ["trained", ...side(run.trainedCorrect, run.trainedAccuracy, run.trainedTies)] },
      { cells: ["chip", ...side(run.chipCorrect, run.chipAccuracy, run.chipTies)] },
    ],
  );
}

function ratesChart(layers: readonly LayerComparison[]): Html {
  const rate = (spikes: number, values: number) => (values === 0 ? 0 : spikes / values);
  return barChart({
    title: "How busy each layer is, over all compared samples",
    label: "share of neurons that fire in a time-step",
    sides: [
      { name: "trained", tone: "trained" },
      { name: "chip", tone: "chip" },
    ],
    groups: layers.map((layer) => ({
      name: layer.layer,
      values: [rate(layer.trainedSpikes, layer.values), rate(layer.chipSpikes, layer.values)],
    })),
    format: formatShare,
    tick: formatPercentTick,
  });
}

/** Where values differ, and how much of it the contract allows. */
function flipsChart(layers: readonly LayerComparison[], { maxFlipRate }: JudgedComparison["contract"]): Html | null {
  if (layers.every((layer) => layer.mismatches === 0)) return null;
  return barChart({
    title: "Values that differ, layer by layer",
    label: "share of all values of the layer",
    sides: [{ name: "differ", tone: "differs" }],
    groups: layers.map((layer) => ({ name: layer.layer, values: [layer.flipRate] })),
    format: formatShare,
    tick: formatPercentTick,
    note: maxFlipRate === 0 ? "None may differ." : `Up to ${formatShare(maxFlipRate)} may differ in each layer.`,
  });
}
