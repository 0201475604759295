/** One sample on its way through the layers, trained and chip side by side. */
import { countOf, formatCount } from "../../verify/index.ts";
import { barChart, figure, imageChart, legend, lineChart, rasterChart } from "../charts/index.ts";
import type { ReportData } from "../data.ts";
import { type Html, html } from "../escape.ts";
import { RASTER_ROWS } from "../raster-data.ts";
import type { Raster, SampleFacts, SampleRun } from "../schema/sample.ts";
import type { TargetFacts } from "../schema/target.ts";

/** The image, the answer of both sides, and a raster of each layer; null when no sample was recorded. */
export function samplePart(data: ReportData, target: TargetFacts): Html | null {
  if (data.sample === null || target.sample === null) return null;
  const { classes } = data.dataset;
  const label = classes[data.sample.label]!;
  const intro = html`<p>Test sample ${data.sample.index} shows <strong>${label}</strong>. In the pictures below, each row is one neuron and each tick one spike; time runs to the right. Blue is the network as trained, orange the chip's file. A diamond marks a value that differs: full where that side fired, hollow where it did not.</p>`;
  const look = html`<div class="look">${picture(data.sample, label)}${answer(target.sample.rates, classes)}</div>`;
  return html`<h3>One sample, spike by spike</h3>${intro}${look}${target.sample.layers.map(layer)}`;
}

function picture({ image }: SampleFacts, label: string): Html {
  const description = `${image.shape[2]} by ${image.shape[1]} pixels, class ${label}.`;
  const chart = imageChart({ title: "The sample as the network receives it", description, ...image });
  return html`<figure class="picture"><figcaption>The input</figcaption>${chart}</figure>`;
}

/** With more classes than this only those with the largest rates are shown. */
const ANSWERS = 20;

function answer({ trained, chip }: SampleRun["rates"], classes: readonly string[]): Html {
  const groups = classes.map((name, i) => ({ name, values: [trained[i]!, chip[i]!] }));
  const largest = [...groups].sort((a, b) => Math.max(...b.values) - Math.max(...a.values)).slice(0, ANSWERS);
  return barChart({
    title: "The answer: how often each output neuron fires",
    label: "spikes per time-step",
    sides: [
      { name: "trained", tone: "trained" },
      { name: "chip", tone: "chip" },
    ],
    groups: groups.filter((group) => largest.includes(group)),
    note: classes.length > ANSWERS ? `The ${ANSWERS} most active of ${classes.length} classes.` : null,
    format: (rate) => `${Number(rate.toFixed(3))}`,
  });
}

function layer(raster: Raster): Html {
  const shown = Math.min(raster.neurons.length, RASTER_ROWS);
  const chosen =
    shown < raster.total ? ` Shown are ${formatCount(shown)}: those that differ first, then those that fire.` : "";
  const differing =
    raster.differing === 0 ? "all equal on both sides" : `${formatCount(raster.differing)} of them not equal`;
  const note = `${countOf(raster.total, "neuron")}, ${differing}.${chosen}`;
  const marks = legend([
    { name: "spike, trained", tone: "trained", mark: "tick" },
    { name: "spike, chip", tone: "chip", mark: "tick" },
    ...(raster.differing > 0 ? [{ name: "differs", tone: "differs", mark: "diamond" } as const] : []),
  ]);
  const charts = [
    figure("trained", rasterChart(raster, "trained", "trained")),
    figure("chip", rasterChart(raster, "chip", "chip")),
    rates(raster),
  ];
  return html`<details open><summary><code>${raster.layer}</code> <span class="soft">${note}</span></summary>${marks}<div class="charts">${charts}</div></details>`;
}

function rates({ layer, rates }: Raster): Html {
  const points = (values: readonly number[]) => values.map((y, i) => ({ x: i + 1, y }));
  return lineChart({
    title: "neurons firing together",
    context: `layer ${layer}`,
    x: { label: "time-step", whole: true },
    y: {
      label: "share of the layer",
      from: 0,
      format: (share, step) => `${Number((100 * share).toFixed(step < 0.01 ? 1 : 0))}%`,
    },
    series: [
      { name: "trained", tone: "trained", points: points(rates.trained) },
      { name: "chip", tone: "chip", dashed: true, points: points(rates.chip) },
    ],
  });
}
