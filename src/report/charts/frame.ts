/** The paper of a chart: an accessible drawing, the axes with ticks and labels, and the legend below it. */
import { type Content, type Html, html } from "../escape.ts";
import { formatTick, type Interval, linearScale, ticksWithin } from "./scale.ts";

/** Width of every chart in its own units; the page scales it. Chosen so that text of 12 to 13 units stays readable on a phone. */
export const CHART_WIDTH = 400;

/** Rough width of text 12 to 13 units high: fonts differ, so a little more than most need. */
export const textWidth = (text: string): number => text.length * 7.9;

/** Text that fits into `width`: of what is too long, the beginning and the end. */
export function shorten(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  const kept = Math.max(2, Math.floor(width / textWidth("m")) - 1);
  return `${text.slice(0, Math.ceil(kept / 2))}…${text.slice(-Math.floor(kept / 2))}`;
}

/** What stands in a chart without data. */
export const EMPTY_TEXT = html`<text class="empty" x="${CHART_WIDTH / 2}" y="36" text-anchor="middle">nothing was recorded</text>`;

/** A drawing that a screen reader announces by its title and describes by its description. */
export function drawing(
  facts: { title: string; description: string; width?: number; height: number },
  body: Content,
): Html {
  const { title, description, width = CHART_WIDTH, height } = facts;
  return html`<svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}. ${description}"><title>${title}</title><desc>${description}</desc>${body}</svg>`;
}

/** A drawing with its caption and legend. */
export function figure(caption: Content, chart: Content, legend: Content = null, note: Content = null): Html {
  const remark = note === null ? null : html`<p class="note">${note}</p>`;
  return html`<figure><figcaption>${caption}</figcaption>${chart}${legend}${remark}</figure>`;
}

export interface LegendEntry {
  name: string;
  /** Class of the style sheet that gives the colour. */
  tone: Tone;
  mark: "line" | "under" | "dashed" | "box" | "tick" | "diamond";
}

/** Colours by meaning, defined in the style sheet. */
export type Tone = "trained" | "chip" | "differs" | "third";

const SWATCHES: { [K in LegendEntry["mark"]]: Html } = {
  line: html`<path class="stroke" d="M1 6H21"/><circle class="fill" cx="11" cy="6" r="3"/>`,
  under: html`<path class="stroke under" d="M3 6H19"/><circle class="fill" cx="11" cy="6" r="3"/>`,
  dashed: html`<path class="stroke dashed" d="M1 6H21"/><path class="square" d="M7.5 2.5h7v7h-7z"/>`,
  box: html`<path class="fill" d="M3 1h16v10H3z"/>`,
  tick: html`<path class="stroke" d="M7 1V11M15 1V11"/>`,
  diamond: html`<path class="mark" d="M11 1l5 5-5 5-5-5z"/>`,
};

export function legend(entries: readonly LegendEntry[]): Html {
  const items = entries.map(
    ({ name, tone, mark }) =>
      html`<li><svg class="swatch ${tone}" viewBox="0 0 22 12" aria-hidden="true">${SWATCHES[mark]}</svg>${name}</li>`,
  );
  return html`<ul class="legend">${items}</ul>`;
}

export interface Axis {
  label: string;
  interval: Interval;
  marks: readonly { at: number; text: string }[];
}

export interface AxisOptions {
  /** Most pieces that the ticks cut the axis into. */
  pieces?: number;
  /** Whole numbers only. */
  whole?: boolean;
  /** Tick text; a number with as many decimals as the step needs, unless given. */
  format?: (value: number, step: number) => string;
}

/** An axis with round ticks. */
export function numberAxis(label: string, interval: Interval, options: AxisOptions = {}): Axis {
  const { values, step } = ticksWithin(interval, options.pieces ?? 5, options.whole);
  return { label, interval, marks: values.map((at) => ({ at, text: (options.format ?? formatTick)(at, step) })) };
}

export interface Plot {
  axes: Html;
  x: (value: number) => number;
  y: (value: number) => number;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** Space above and below a plot for the labels of its axes. */
export const PLOT_MARGIN = { top: 28, bottom: 38 };

/** Axes around a plot of `height`: the y label stands above its axis, where it can be read without turning the head. */
export function plot(xAxis: Axis, yAxis: Axis, height: number): Plot {
  const left = Math.max(18, ...yAxis.marks.map(({ text }) => textWidth(text) + 10));
  const [right, top, bottom] = [CHART_WIDTH - 10, PLOT_MARGIN.top, height - PLOT_MARGIN.bottom];
  const [x, y] = [linearScale(xAxis.interval, [left, right]), linearScale(yAxis.interval, [bottom, top])];
  const grid = yAxis.marks.map(({ at }) => html`<path class="grid" d="M${left} ${y(at)}H${right}"/>`);
  const ticks = xAxis.marks.map(({ at }) => html`<path class="axis" d="M${x(at)} ${bottom}v4"/>`);
  const yTexts = yAxis.marks.map(
    ({ at, text }) => html`<text x="${left - 6}" y="${y(at) + 4}" text-anchor="end">${text}</text>`,
  );
  const xTexts = xAxis.marks.map(
    ({ at, text }) => html`<text x="${x(at)}" y="${bottom + 17}" text-anchor="middle">${text}</text>`,
  );
  const labels = html`<text class="label" x="0" y="12">${yAxis.label}</text><text class="label" x="${right}" y="${height - 4}" text-anchor="end">${xAxis.label}</text>`;
  const axes = html`<g class="axes">${grid}<path class="axis" d="M${left} ${bottom}H${right}"/>${ticks}</g><g class="ticks">${yTexts}${xTexts}</g>${labels}`;
  return { axes, x, y, left, right, top, bottom };
}
