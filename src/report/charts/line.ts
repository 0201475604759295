/** Line chart: one or more series over a common axis. */
import { type Html, html } from "../escape.ts";
import {
  type AxisOptions,
  drawing,
  EMPTY_TEXT,
  figure,
  type LegendEntry,
  legend,
  numberAxis,
  plot,
  type Tone,
} from "./frame.ts";
import { checkFinite, roundInterval } from "./scale.ts";

export interface Series {
  name: string;
  tone: Tone;
  /** Told apart by more than colour: a dashed line has square marks and lies on a broad one, so both show where they are equal. */
  dashed?: boolean;
  points: readonly { x: number; y: number }[];
}

export interface LineChart {
  title: string;
  /** What the title alone does not say to someone who hears it. */
  context?: string;
  x: { label: string; whole?: boolean };
  y: { label: string; format?: AxisOptions["format"]; from?: number };
  series: readonly Series[];
}

const HEIGHT = 220;

/** Up to this many points each has a mark. */
const MARKED_POINTS = 24;

/** @throws VALUE on a point that is not finite. */
export function lineChart(chart: LineChart): Html {
  const points = chart.series.flatMap((series) => series.points);
  checkFinite(
    points.flatMap(({ x, y }) => [x, y]),
    `chart "${chart.title}"`,
  );
  const drawn = drawing(
    {
      title: chart.context ? `${chart.title}, ${chart.context}` : chart.title,
      description: describeSeries(chart),
      height: HEIGHT,
    },
    points.length === 0 ? EMPTY_TEXT : drawSeries(chart, points),
  );
  const entries = chart.series.map(
    (series): LegendEntry => ({ name: series.name, tone: series.tone, mark: styleOf(series, chart) }),
  );
  return figure(chart.title, drawn, entries.length > 1 ? legend(entries) : null);
}

function styleOf(series: Series, chart: LineChart): "line" | "under" | "dashed" {
  if (series.dashed) return "dashed";
  return chart.series.some((other) => other.dashed) ? "under" : "line";
}

function drawSeries(chart: LineChart, points: readonly { x: number; y: number }[]): Html {
  const xs = points.map((point) => point.x);
  const ys = points.map((point) => point.y);
  const [first, last] = [xs.reduce((a, b) => Math.min(a, b)), xs.reduce((a, b) => Math.max(a, b))];
  const frame = plot(
    numberAxis(chart.x.label, [first, last], { whole: chart.x.whole, pieces: 6 }),
    numberAxis(chart.y.label, roundInterval(ys, chart.y.from), { format: chart.y.format }),
    HEIGHT,
  );
  const lines = chart.series.map((series) => {
    const { tone, dashed, points } = series;
    const places = points.map(({ x, y }) => ({ x: frame.x(x), y: frame.y(y) }));
    const path = places.map(({ x, y }, i) => html`${i === 0 ? "M" : "L"}${x} ${y}`);
    const marks = places.length > MARKED_POINTS ? null : places.map((place) => mark(place, dashed === true));
    return html`<g class="${tone}"><path class="stroke ${styleOf(series, chart)}" d="${path}"/>${marks}</g>`;
  });
  return html`${frame.axes}${lines}`;
}

function mark({ x, y }: { x: number; y: number }, square: boolean): Html {
  return square
    ? html`<path class="square" d="M${x - 3.5} ${y - 3.5}h7v7h-7z"/>`
    : html`<circle class="fill" cx="${x}" cy="${y}" r="3"/>`;
}

function describeSeries({ series, x, y }: LineChart): string {
  const sentences = series.map(({ name, points }) => {
    const [first, last] = [points[0], points.at(-1)];
    if (!first || !last) return `${name}: nothing was recorded.`;
    const write = (value: number) => (y.format ? y.format(value, 0.001) : `${Number(value.toPrecision(3))}`);
    return points.length === 1
      ? `${name}: ${write(first.y)}.`
      : `${name}: from ${write(first.y)} at ${x.label} ${first.x} to ${write(last.y)} at ${last.x}.`;
  });
  return sentences.join(" ");
}
