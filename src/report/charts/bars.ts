/** Grouped horizontal bars: one group for each name, one bar for each side. Short names stand beside their bars, long ones above them. */
import { type Content, type Html, html } from "../escape.ts";
import {
  CHART_WIDTH,
  drawing,
  EMPTY_TEXT,
  figure,
  type LegendEntry,
  legend,
  numberAxis,
  shorten,
  type Tone,
  textWidth,
} from "./frame.ts";
import { checkFinite, formatTick, type Interval, linearScale, roundInterval } from "./scale.ts";

export interface BarChart {
  title: string;
  /** What the length of a bar means. */
  label: string;
  sides: readonly { name: string; tone: Tone }[];
  /** One value for each side; bars of values below 0 go to the left. */
  groups: readonly { name: string; values: readonly number[] }[];
  /** How a value is written at the end of its bar. */
  format: (value: number) => string;
  /** How a tick is written; as a number unless given. */
  tick?: (value: number, step: number) => string;
  /** Where the axis ends; a round number above the largest value unless given. */
  largest?: number;
  note?: Content;
}

/** Heights of a name above its bars, of a bar with the gap to the next, of a bar, of the gap between groups, and of the axis. */
const [NAME, STEP, BAR, GAP, AXIS] = [18, 14, 12, 9, 38];
/** Room for the value at the end of the longest bar, and the longest name that stands beside its bars. */
const [VALUE_ROOM, BESIDE] = [64, 70];

/** @throws VALUE on a value that is not finite. */
export function barChart(chart: BarChart): Html {
  const values = chart.groups.flatMap((group) => group.values);
  checkFinite(values, `chart "${chart.title}"`);
  const widest = Math.max(0, ...chart.groups.map(({ name }) => textWidth(name)));
  const beside = widest <= BESIDE;
  const left = beside ? widest + 8 : 0;
  const [lowest, highest] = roundInterval(values, 0, PIECES);
  const interval: Interval = [Math.min(0, lowest), chart.largest ?? highest];
  const place = linearScale(interval, [left, CHART_WIDTH - VALUE_ROOM]);
  const groupHeight = (beside ? 0 : NAME) + chart.sides.length * STEP + GAP;
  const groups = chart.groups.map((group, i) => drawGroup(chart, group, { left, top: i * groupHeight, beside, place }));
  const bottom = chart.groups.length * groupHeight;
  const body = groups.length === 0 ? EMPTY_TEXT : [groups, axisBelow(chart, interval, bottom, place)];
  const facts = { title: chart.title, description: describe(chart), height: Math.max(60, bottom + AXIS) };
  const entries = chart.sides.map(({ name, tone }): LegendEntry => ({ name, tone, mark: "box" }));
  return figure(chart.title, drawing(facts, body), entries.length > 1 ? legend(entries) : null, chart.note);
}

/** Pieces of the axis. */
const PIECES = 4;

interface Place {
  left: number;
  top: number;
  beside: boolean;
  place: (value: number) => number;
}

function drawGroup(
  chart: BarChart,
  { name, values }: BarChart["groups"][number],
  { left, top, beside, place }: Place,
): Html {
  const first = top + (beside ? 0 : NAME);
  const zero = place(0);
  const bars = chart.sides.map(({ tone }, side) => {
    const y = first + side * STEP;
    const value = values[side] ?? 0;
    const [from, to] = value < 0 ? [place(value), zero] : [zero, place(value)];
    return html`<g class="${tone}"><rect class="fill" x="${from}" y="${y}" width="${to - from}" height="${BAR}" rx="1.5"/><text class="value" x="${to + 5}" y="${y + BAR - 1.5}">${chart.format(value)}</text></g>`;
  });
  const height = chart.sides.length * STEP - 2;
  const title = beside
    ? html`<text class="name" x="${left - 8}" y="${first + height / 2 + 4}" text-anchor="end">${name}</text>`
    : html`<text class="name" x="0" y="${top + 13}">${shorten(name, CHART_WIDTH)}</text>`;
  return html`${title}${bars}<path class="axis" d="M${zero} ${first - 2}v${height + 4}"/>`;
}

function axisBelow(chart: BarChart, interval: Interval, bottom: number, place: (value: number) => number): Html {
  const { marks } = numberAxis(chart.label, interval, { pieces: PIECES, format: chart.tick ?? formatTick });
  const [left, right] = [place(interval[0]), place(interval[1])];
  const line = html`<path class="axis" d="M${left} ${bottom}H${right}"/>`;
  const ticks = marks.map(({ at: value, text }) => {
    const x = place(value);
    return html`<path class="axis" d="M${x} ${bottom}v4"/><g class="ticks"><text x="${x}" y="${bottom + 17}" text-anchor="${x === left ? "start" : "middle"}">${text}</text></g>`;
  });
  return html`${line}${ticks}<text class="label" x="${left}" y="${bottom + 34}">${chart.label}</text>`;
}

function describe({ groups, sides, format }: BarChart): string {
  const sentences = groups.map(({ name, values }) => {
    const written = values.map((value, i) => `${sides.length > 1 ? `${sides[i]?.name ?? ""} ` : ""}${format(value)}`);
    return `${name}: ${written.join(", ")}.`;
  });
  return sentences.length === 0 ? "Nothing was recorded." : sentences.join(" ");
}
