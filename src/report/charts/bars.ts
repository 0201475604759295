/** Grouped horizontal bars: one group for each name, one bar for each side. Names stand above their bars, so long ones fit. */
import { type Html, html } from "../escape.ts";
import { CHART_WIDTH, drawing, figure, type LegendEntry, legend, type Tone } from "./frame.ts";
import { checkFinite, linearScale } from "./scale.ts";

export interface BarChart {
  title: string;
  /** What the length of a bar means. */
  label: string;
  sides: readonly { name: string; tone: Tone }[];
  /** Values at least 0, one for each side. */
  groups: readonly { name: string; values: readonly number[] }[];
  format: (value: number) => string;
  /** Length of the longest bar; the largest value unless given. */
  largest?: number;
}

const [NAME, BAR, GAP] = [17, 10, 9];
/** Room for the value at the end of the longest bar. */
const VALUE_ROOM = 62;

/** @throws VALUE on a value that is not finite. */
export function barChart(chart: BarChart): Html {
  const values = chart.groups.flatMap((group) => group.values);
  checkFinite(values, `chart "${chart.title}"`);
  const largest = chart.largest ?? values.reduce((a, b) => Math.max(a, b), 0);
  const length = linearScale([0, largest === 0 ? 1 : largest], [0, CHART_WIDTH - VALUE_ROOM]);
  const step = NAME + chart.sides.length * (BAR + 2) + GAP;
  const groups = chart.groups.map(({ name, values }, i) => {
    const top = i * step;
    const bars = chart.sides.map(({ tone }, side) => {
      const [y, value] = [top + NAME + side * (BAR + 2), values[side] ?? 0];
      return html`<g class="${tone}"><rect class="fill" x="0" y="${y}" width="${Math.max(1, length(value))}" height="${BAR}" rx="2"/><text class="value" x="${Math.max(1, length(value)) + 6}" y="${y + BAR - 0.5}">${chart.format(value)}</text></g>`;
    });
    return html`<text class="name" x="0" y="${top + 11}">${name}</text>${bars}`;
  });
  const height = Math.max(60, chart.groups.length * step + 16);
  const axis = html`<path class="axis" d="M0 ${NAME - 4}V${height - 18}"/><text class="label" x="0" y="${height - 3}">${chart.label}</text>`;
  const empty = html`<text class="empty" x="${CHART_WIDTH / 2}" y="30" text-anchor="middle">nothing was recorded</text>`;
  const description = chart.groups
    .map(
      ({ name, values }) =>
        `${name}: ${values.map((v, i) => `${chart.sides[i]?.name ?? ""} ${chart.format(v)}`).join(", ")}.`,
    )
    .join(" ");
  const entries = chart.sides.map(({ name, tone }): LegendEntry => ({ name, tone, mark: "box" }));
  return figure(
    chart.title,
    drawing({ title: chart.title, description, height }, chart.groups.length === 0 ? empty : [axis, groups]),
    entries.length > 1 ? legend(entries) : null,
  );
}
