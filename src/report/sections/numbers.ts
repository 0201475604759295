/** What the chip's arithmetic did behind the spikes: how far potentials stay from their thresholds, and what it could not hold. */
import type { LayerNumbers, NumberReport, PotentialFacts } from "../../exporters/index.ts";
import { countOf, formatCount, formatShare } from "../../verify/index.ts";
import { histogramChart } from "../charts/index.ts";
import { type Html, html } from "../escape.ts";
import { table } from "./parts.ts";

const EVENTS: { [K in LayerNumbers["events"][number]["kind"]]: string } = {
  overflow: "beyond the range",
  stall: "stood still",
  subnormal: "lost bits near zero",
};

export function numbersPart(report: NumberReport | undefined): Html | null {
  if (!report) return null;
  const firing = report.layers.flatMap(({ layer, potentials }) => (potentials ? [{ layer, potentials }] : []));
  const charts = firing.map(({ layer, potentials }) => distanceChart(layer, potentials));
  return html`<h3>The numbers behind the spikes</h3><p>A spike flips when rounding carries its potential across the threshold, so what counts is how many potentials lie close to it. Seen on ${countOf(report.samples, "sample")}; one unit is the distance of two neighbouring float16 numbers at the threshold.</p>${nearTable(firing)}<div class="charts">${charts}</div>${eventsTable(report.layers)}`;
}

function distanceChart(layer: string, { threshold, histogram, below, above, count }: PotentialFacts): Html {
  const size = Math.abs(threshold) || 1;
  return histogramChart({
    title: `Potentials of ${layer} around the threshold`,
    label: "membrane potential before the comparison",
    interval: [threshold - size, threshold + size],
    counts: histogram,
    mark: { at: threshold, name: "threshold" },
    note: `${formatShare(below / count)} lie further below, ${formatShare(above / count)} further above.`,
  });
}

function nearTable(firing: { layer: string; potentials: PotentialFacts }[]): Html {
  const units = firing[0]?.potentials.near.map((place) => place.units) ?? [];
  return table(
    "How close potentials come to the threshold",
    [
      { title: "layer" },
      { title: "potentials", numeric: true },
      { title: "lowest", numeric: true },
      { title: "highest", numeric: true },
      ...units.map((unit) => ({ title: `within ${countOf(unit, "unit")}`, numeric: true })),
    ],
    firing.map(({ layer, potentials }) => ({
      cells: [
        html`<code>${layer}</code>`,
        formatCount(potentials.count),
        `${potentials.lowest}`,
        `${potentials.highest}`,
        ...potentials.near.map(({ count }) => formatShare(count / potentials.count)),
      ],
    })),
  );
}

function eventsTable(layers: readonly LayerNumbers[]): Html {
  const rows = layers.flatMap(({ layer, events }) =>
    events.map(({ kind, step, value, count }) => ({
      cells: [
        html`<code>${layer}</code>`,
        EVENTS[kind],
        formatCount(count),
        step === null ? "every" : `${step}`,
        kind === "overflow" ? "–" : `${value}`,
      ],
    })),
  );
  if (rows.length === 0) return html`<p>No result left the range of float16, stood still, or lost bits near zero.</p>`;
  return table(
    "Numbers that float16 could not hold as they were",
    [
      { title: "layer" },
      { title: "what happened" },
      { title: "results", numeric: true },
      { title: "first step", numeric: true },
      { title: "most extreme", numeric: true },
    ],
    rows,
  );
}
