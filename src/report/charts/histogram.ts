/** Columns over equal bins of a number line, with one place marked. The axis of counts is logarithmic: rare bins beside full ones stay visible. */
import { type Html, html } from "../escape.ts";
import { CHART_WIDTH, drawing, EMPTY_TEXT, figure, numberAxis, PLOT_MARGIN, plot } from "./frame.ts";
import { checkFinite, type Interval, linearScale } from "./scale.ts";

export interface HistogramChart {
  title: string;
  /** What the number line means. */
  label: string;
  /** Ends of the first and the last bin. */
  interval: Interval;
  counts: readonly number[];
  /** A place on the line, drawn through the columns. */
  mark: { at: number; name: string };
  note?: string;
}

const HEIGHT = 190;

/** @throws VALUE on a count that is not finite. */
export function histogramChart({ title, label, interval, counts, mark, note }: HistogramChart): Html {
  checkFinite(counts, `chart "${title}"`);
  const largest = Math.max(0, ...counts);
  if (largest === 0)
    return figure(title, drawing({ title, description: "Nothing was recorded.", height: 60 }, EMPTY_TEXT));
  const powers = Math.max(1, Math.ceil(Math.log10(largest + 1)));
  const yAxis = {
    label: "how many (each line is ten times the one below)",
    interval: [0, powers] as Interval,
    marks: Array.from({ length: powers + 1 }, (_, power) => ({ at: power, text: tenTo(power) })),
  };
  const { axes, x, y, bottom } = plot(numberAxis(label, interval), yAxis, HEIGHT);
  const edge = linearScale([0, counts.length], interval);
  const columns = counts.map((count, bin) => {
    if (count === 0) return null;
    const [left, right, top] = [x(edge(bin)), x(edge(bin + 1)), y(Math.log10(count + 1))];
    const tone = edge(bin) >= mark.at ? "chip" : "trained";
    return html`<g class="${tone}"><rect class="fill" x="${left + 0.4}" y="${top}" width="${right - left - 0.8}" height="${bottom - top}"/></g>`;
  });
  const at = x(mark.at);
  const line = html`<g class="differs"><path class="stroke" d="M${at} ${PLOT_MARGIN.top}V${bottom}"/></g><text class="label" x="${Math.min(at + 4, CHART_WIDTH - 90)}" y="${PLOT_MARGIN.top + 10}">${mark.name}</text>`;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const description = `${total} values from ${interval[0]} to ${interval[1]}, ${mark.name} at ${mark.at}.`;
  return figure(title, drawing({ title, description, height: HEIGHT }, [axes, columns, line]), null, note ?? null);
}

function tenTo(power: number): string {
  return power < 4 ? `${10 ** power}` : `1e${power}`;
}
