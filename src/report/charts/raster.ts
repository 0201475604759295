/** Spike raster of one side: time-steps to the right, one row for each neuron, a tick for each spike, a diamond where the sides differ. */
import { countOf } from "../../verify/index.ts";
import { type Html, html } from "../escape.ts";
import { chooseNeurons, RASTER_ROWS } from "../raster-data.ts";
import type { Raster, RasterNeuron } from "../schema/sample.ts";
import { type Axis, drawing, numberAxis, PLOT_MARGIN, plot } from "./frame.ts";

export type Side = "trained" | "chip";

/** Height of all rows together, and the most that one row takes of it. */
const [ROWS_HEIGHT, ROW_HEIGHT] = [220, 12];

/** Rows between two row numbers at least, in units of the drawing. */
const NUMBER_DISTANCE = 20;

/** Draws the neurons of `raster` (thinned to at most `RASTER_ROWS` rows) as `side` saw them. */
export function rasterChart(raster: Raster, side: Side, sideName: string): Html {
  const neurons = chooseNeurons(raster.neurons, RASTER_ROWS);
  const rows = Math.max(1, neurons.length);
  const rowsHeight = Math.min(ROWS_HEIGHT, Math.max(24, rows * ROW_HEIGHT));
  const row = rowsHeight / rows;
  const height = rowsHeight + PLOT_MARGIN.top + PLOT_MARGIN.bottom;
  const steps = numberAxis("time-step", [0.5, raster.steps + 0.5], { whole: true, pieces: 8 });
  const frame = plot(steps, neuronAxis(neurons, rows, row), height);
  const stepWidth = (frame.right - frame.left) / raster.steps;
  const half = row * 0.4;
  const ticks = neurons.flatMap((neuron, i) =>
    neuron[side].map((step) => html`M${frame.x(step + 1)} ${frame.y(i + 0.5) - half}v${2 * half}`),
  );
  const size = Math.min(5, Math.max(4, row * 0.6));
  const marks = neurons.flatMap((neuron, i) =>
    neuron.differs.map((step) => diamond(frame.x(step + 1), frame.y(i + 0.5), size, neuron[side].includes(step))),
  );
  const facts = {
    title: `Spikes of layer ${raster.layer}, ${sideName}`,
    description: describe(raster, neurons, side),
    height,
  };
  return drawing(facts, [
    frame.axes,
    html`<path class="spikes ${side}" stroke-width="${Math.min(3, Math.max(1.2, stepWidth * 0.3))}" d="${ticks}"/>`,
    html`<g class="differs">${marks}</g>`,
  ]);
}

/** The first neuron on top; numbers are places in the layer, not rows. */
function neuronAxis(neurons: readonly RasterNeuron[], rows: number, row: number): Axis {
  const every = Math.ceil(NUMBER_DISTANCE / row);
  const marks = neurons
    .map((neuron, i) => ({ at: i + 0.5, text: `${neuron.index}`, i }))
    .filter(({ i }) => i % every === 0)
    .map(({ at, text }) => ({ at, text }));
  return { label: "neuron", interval: [rows, 0], marks };
}

/** Full where this side fired, hollow where it did not. */
function diamond(x: number, y: number, size: number, fired: boolean): Html {
  return html`<path class="${fired ? "mark" : "mark hollow"}" d="M${x} ${y - size}l${size} ${size} ${-size} ${size} ${-size} ${-size}z"/>`;
}

function describe(raster: Raster, shown: readonly RasterNeuron[], side: Side): string {
  const spikes = shown.reduce((sum, neuron) => sum + neuron[side].length, 0);
  const differences = shown.reduce((sum, neuron) => sum + neuron.differs.length, 0);
  const compared = `${differences === 0 ? "No difference" : countOf(differences, "difference")} to the other side.`;
  return `${countOf(spikes, "spike")} of ${shown.length} of ${raster.total} neurons in ${raster.steps} time-steps. ${compared}`;
}
