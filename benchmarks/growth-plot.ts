/**
 * The growth measurements as one SVG: time above, memory below, a column for each axis. Both scales are logarithmic, so that proportional growth
 * is a straight line; the report's charts have linear scales and the page's style sheet, which a file in the documentation has not.
 */
import { AXES, type Axis, EXPONENT, type GrowthPoint, type GrowthResult, seriesOf } from "./growth.ts";

const [WIDTH, HEIGHT] = [300, 210];
const [LEFT, RIGHT, TOP, BOTTOM] = [52, 12, 34, 40];
const FOOT = 64;

const TITLES: Record<Axis, string> = { steps: "time-steps T", batch: "batch", channels: "channels" };
type Quantity = "milliseconds" | "peakMB";
const QUANTITIES: { key: Quantity; title: string }[] = [
  { key: "milliseconds", title: "ms" },
  { key: "peakMB", title: "MB, growth to the peak" },
];
/** Colour by network, dashes by mode. */
const STYLES: Record<string, string> = {
  "csnn train": "stroke:#2f6db5",
  "csnn infer": "stroke:#2f6db5;stroke-dasharray:5 4",
  "lava train": "stroke:#b5482f",
  "lava infer": "stroke:#b5482f;stroke-dasharray:5 4",
};

const STYLE = `text{font:12px system-ui,sans-serif;fill:#1d2733}.small{font-size:11px;fill:#51606f}.title{font-size:13px;font-weight:600}
.grid{stroke:#e2e8ef}.axis{stroke:#8fa1b3;fill:none}.guide{stroke:#b9c4d0;stroke-dasharray:2 4;fill:none}.line{fill:none;stroke-width:2}
@media (prefers-color-scheme: dark){svg{background:#ffffff}}`;

export function growthPlot({ points, machine }: GrowthResult): string {
  const panels = QUANTITIES.flatMap(({ key, title }, row) =>
    AXES.map((axis, column) => {
      const drawn = panel(
        points.filter((point) => point.axis === axis),
        axis,
        key,
        title,
      );
      return `<g transform="translate(${column * WIDTH} ${row * HEIGHT})">${drawn}</g>`;
    }),
  );
  const [width, height] = [AXES.length * WIDTH, QUANTITIES.length * HEIGHT + FOOT];
  const label = "Time and memory of both networks over time-steps, batch and channels, on logarithmic scales";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}"><style>${STYLE}</style>
${panels.join("\n")}
<g transform="translate(${LEFT} ${QUANTITIES.length * HEIGHT + 14})">${legend()}</g>
<text class="small" x="${LEFT}" y="${height - 10}">${escaped(machine.cpu)}, ${machine.threads} threads; dotted: proportional growth (square, for channels)</text>
</svg>
`;
}

function legend(): string {
  return Object.entries(STYLES)
    .map(
      ([name, style], i) =>
        `<path class="line" style="${style}" d="M${i * 150} 0h28"/><text x="${i * 150 + 36}" y="4">${name}</text>`,
    )
    .join("");
}

function panel(points: readonly GrowthPoint[], axis: Axis, quantity: Quantity, title: string): string {
  const heading = `<text class="title" x="${LEFT}" y="16">${title}</text>`;
  // a logarithm needs something: less than a tenth of a unit counts as that
  const figureOf = (point: GrowthPoint) => Math.max(point[quantity], 0.1);
  if (points.length === 0) return `${heading}<text x="${LEFT}" y="60">nothing was measured</text>`;
  const x = logScale(
    points.map(({ value }) => value),
    [LEFT, WIDTH - RIGHT],
  );
  const y = logScale(points.map(figureOf), [HEIGHT - BOTTOM, TOP]);
  const values = [...new Set(points.map(({ value }) => value))];
  const ticksX = values
    .map(
      (value) =>
        `<text class="small" x="${round(x(value))}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${value}</text>`,
    )
    .join("");
  const ticksY = decades(points.map(figureOf))
    .map((value) => {
      const place = round(y(value));
      return `<path class="grid" d="M${LEFT} ${place}H${WIDTH - RIGHT}"/><text class="small" x="${LEFT - 6}" y="${place + 4}" text-anchor="end">${value}</text>`;
    })
    .join("");
  const series = seriesOf(points);
  const guides = series.map((list) => line("guide", "", guideOf(list, axis, figureOf), x, y));
  const lines = series.map((list) => {
    const name = `${list[0]!.network} ${list[0]!.mode}`;
    return line(
      "line",
      STYLES[name]!,
      list.map((point) => [point.value, figureOf(point)]),
      x,
      y,
    );
  });
  const frame = `<path class="axis" d="M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}"/>`;
  const caption = `<text class="small" x="${WIDTH - RIGHT}" y="${HEIGHT - 8}" text-anchor="end">${TITLES[axis]}</text>`;
  return `${heading}${ticksY}${ticksX}${frame}${guides.join("")}${lines.join("")}${caption}`;
}

/** From the last point back, as growth would be without fixed costs, down to the smallest value that the panel shows. */
function guideOf(
  list: readonly GrowthPoint[],
  axis: Axis,
  figureOf: (point: GrowthPoint) => number,
): [number, number][] {
  const [first, last] = [list[0]!, list.at(-1)!];
  const least = list.reduce((low, point) => Math.min(low, figureOf(point)), Infinity);
  const at = (value: number) => figureOf(last) * (value / last.value) ** EXPONENT[axis];
  const start = Math.max(first.value, last.value * (least / figureOf(last)) ** (1 / EXPONENT[axis]));
  return [
    [start, at(start)],
    [last.value, figureOf(last)],
  ];
}

type Scale = (value: number) => number;

function line(kind: string, style: string, places: readonly [number, number][], x: Scale, y: Scale): string {
  const path = places.map(([px, py], i) => `${i === 0 ? "M" : "L"}${round(x(px))} ${round(y(py))}`).join("");
  return `<path class="${kind}"${style ? ` style="${style}"` : ""} d="${path}"/>`;
}

function logScale(values: readonly number[], [from, to]: [number, number]): Scale {
  const low = Math.log(values.reduce((a, b) => Math.min(a, b)));
  const high = Math.log(values.reduce((a, b) => Math.max(a, b)));
  return high === low
    ? () => (from + to) / 2
    : (value) => from + ((Math.log(value) - low) / (high - low)) * (to - from);
}

/** Powers of ten within the values; those with 2 and 5 too when there are few. */
function decades(values: readonly number[]): number[] {
  const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  const factors = high / low > 100 ? [1] : [1, 2, 5];
  const powers = Array.from({ length: 9 }, (_, i) => i - 2);
  return powers
    .flatMap((power) => factors.map((factor) => Number((factor * 10 ** power).toPrecision(1))))
    .filter((value) => value >= low && value <= high);
}

const round = (place: number) => Math.round(place * 10) / 10;
const escaped = (text: string) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
