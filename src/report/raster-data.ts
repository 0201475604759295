/** Takes the spikes of one sample out of the traces of two runs, and chooses the neurons to show when a layer has too many. */
import { expectShape, fail, formatShape, sizeOf } from "../core/index.ts";
import type { LayerTrace } from "../exporters/index.ts";
import type { Raster, RasterNeuron } from "./schema/sample.ts";

/** Rows that a raster shows: about as many as can be told apart on a page. */
export const RASTER_ROWS = 64;

/**
 * The raster of sample `sample` in traces `[T, N, ...]` of one layer on both sides. At most `rows` neurons are kept: those that
 * differ first, then those that fire, then silent ones, each group evenly spaced.
 * @throws SHAPE when the traces differ in shape or have no such sample.
 */
export function layerRaster(trained: LayerTrace, chip: LayerTrace, sample: number, rows = RASTER_ROWS): Raster {
  expectShape(`layer "${trained.layer}", spikes of the chip`, chip.shape, trained.shape);
  const [steps = 0, samples = 0] = trained.shape;
  const total = sizeOf(trained.shape.slice(2));
  if (steps === 0 || total === 0 || sample < 0 || sample >= samples) {
    fail("SHAPE", {
      where: `layer "${trained.layer}"`,
      expected: `spikes of sample ${sample}`,
      got: `traces ${formatShape(trained.shape)}`,
    });
  }
  const neurons = Array.from({ length: total }, (_, index) => neuronOf(trained, chip, { sample, index, total }));
  return {
    layer: trained.layer,
    steps,
    total,
    differing: neurons.filter((neuron) => neuron.differs.length > 0).length,
    neurons: chooseNeurons(neurons, rows),
    rates: { trained: firingShares(neurons, "trained", steps), chip: firingShares(neurons, "chip", steps) },
  };
}

/** Share of the neurons that fire at each step. */
function firingShares(neurons: readonly RasterNeuron[], side: "trained" | "chip", steps: number): number[] {
  const counts = new Array<number>(steps).fill(0);
  for (const neuron of neurons) for (const step of neuron[side]) counts[step]!++;
  return counts.map((count) => count / neurons.length);
}

function neuronOf(
  trained: LayerTrace,
  chip: LayerTrace,
  at: { sample: number; index: number; total: number },
): RasterNeuron {
  const [steps = 0, samples = 0] = trained.shape;
  const neuron: RasterNeuron = { index: at.index, trained: [], chip: [], differs: [] };
  for (let step = 0; step < steps; step++) {
    const i = (step * samples + at.sample) * at.total + at.index;
    if (trained.data[i] !== 0) neuron.trained.push(step);
    if (chip.data[i] !== 0) neuron.chip.push(step);
    if (trained.data[i] !== chip.data[i]) neuron.differs.push(step);
  }
  return neuron;
}

/** At most `rows` neurons in their order: all that differ before any that fires, all that fire before any that is silent. */
export function chooseNeurons(neurons: readonly RasterNeuron[], rows: number): RasterNeuron[] {
  const fires = (neuron: RasterNeuron) => neuron.trained.length + neuron.chip.length > 0;
  const differing = neurons.filter((neuron) => neuron.differs.length > 0);
  const firing = neurons.filter((neuron) => neuron.differs.length === 0 && fires(neuron));
  const silent = neurons.filter((neuron) => neuron.differs.length === 0 && !fires(neuron));
  const chosen: RasterNeuron[] = [];
  for (const group of [differing, firing, silent]) chosen.push(...evenly(group, rows - chosen.length));
  return chosen.sort((a, b) => a.index - b.index);
}

function evenly<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]!);
}
