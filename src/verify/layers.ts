/**
 * Compares the spikes of two runs layer by layer: counts, differing values and the first of them. It does not judge (`judge.ts`)
 * and does not run anything.
 */
import { expectShape, fail, formatShape, type Shape, sizeOf } from "../core/index.ts";
import type { LayerTrace } from "../exporters/index.ts";

/** Where two runs first part, counted from 0. */
export interface Difference {
  layer: string;
  step: number;
  sample: number;
  /** `[c, y, x]` of a layer with channels, `[f]` of a flat one. */
  neuron: number[];
  trained: number;
  chip: number;
}

export interface LayerComparison {
  layer: string;
  steps: number;
  samples: number;
  /** Shape of one sample at one step. */
  neurons: number[];
  /** Values compared: steps * samples * neurons. */
  values: number;
  /** Values that are not zero. */
  trainedSpikes: number;
  chipSpikes: number;
  /** Values that differ, and their share of all values compared. */
  mismatches: number;
  flipRate: number;
  /** Values that differ, at each of the T steps. */
  mismatchesByStep: number[];
  /** First in time: the earliest step, then the first sample, then the first neuron in C,H,W order. */
  firstDifference: Difference | null;
}

/**
 * Compares two sets of traces `[T, N, ...]`, matched by layer path, in the order of `trained`. A run that is compared in parts says
 * with `firstSample` which sample its part begins with.
 * @throws CONTRACT when a layer is missing on one side, SHAPE when shapes differ, VALUE on a value that is not finite.
 */
export function compareLayers(
  trained: readonly LayerTrace[],
  chip: readonly LayerTrace[],
  options: { firstSample?: number } = {},
): LayerComparison[] {
  const ours = byLayer(trained, "the trained network");
  const theirs = byLayer(chip, "the chip");
  for (const layer of theirs.keys()) {
    if (!ours.has(layer)) failMissing(layer, "the trained network", trained);
  }
  return trained.map((trace) => {
    const other = theirs.get(trace.layer) ?? failMissing(trace.layer, "the chip", chip);
    return compareLayer(trace, other, options.firstSample ?? 0);
  });
}

function byLayer(traces: readonly LayerTrace[], side: string): Map<string, LayerTrace> {
  const layers = new Map(traces.map((trace) => [trace.layer, trace]));
  if (layers.size < traces.length) {
    const twice = traces.find((trace, i) => traces.findIndex((other) => other.layer === trace.layer) < i)!;
    fail("CONTRACT", { where: `layer "${twice.layer}"`, expected: `one trace from ${side}`, got: "several" });
  }
  return layers;
}

function failMissing(layer: string, side: string, there: readonly LayerTrace[]): never {
  fail("CONTRACT", {
    where: `layer "${layer}"`,
    expected: `spikes from ${side}`,
    got: there.length > 0 ? `only ${there.map((trace) => trace.layer).join(", ")}` : "none",
    hint: "Was the file written from this network?",
  });
}

function compareLayer(trained: LayerTrace, chip: LayerTrace, firstSample: number): LayerComparison {
  checkTrace(trained, "trained");
  expectShape(`layer "${trained.layer}", spikes of the chip`, chip.shape, trained.shape);
  checkTrace(chip, "chip");
  const counts = countValues(trained, chip);
  const values = trained.data.length;
  return {
    layer: trained.layer,
    steps: trained.shape[0]!,
    samples: trained.shape[1]!,
    neurons: trained.shape.slice(2),
    values,
    trainedSpikes: counts.trained,
    chipSpikes: counts.chip,
    mismatches: counts.mismatches,
    flipRate: values === 0 ? 0 : counts.mismatches / values,
    mismatchesByStep: counts.byStep,
    firstDifference: counts.first < 0 ? null : describe(trained, chip, counts.first, firstSample),
  };
}

function checkTrace(trace: LayerTrace, side: string): void {
  if (trace.shape.length < 3 || sizeOf(trace.shape) !== trace.data.length) {
    fail("SHAPE", {
      where: `layer "${trace.layer}", spikes (${side})`,
      expected: "one value for each place of a shape [T, N, ...]",
      got: `${trace.data.length} values for ${formatShape(trace.shape)}`,
    });
  }
}

/** One pass. Row-major `[T, N, ...]` is time order, so the first index that differs is the first difference. */
function countValues(
  a: LayerTrace,
  b: LayerTrace,
): { trained: number; chip: number; mismatches: number; byStep: number[]; first: number } {
  const [left, right] = [a.data, b.data];
  const byStep = new Array<number>(a.shape[0]!).fill(0);
  const perStep = left.length / byStep.length;
  let trained = 0;
  let chip = 0;
  let mismatches = 0;
  let first = -1;
  for (let i = 0; i < left.length; i++) {
    const x = left[i]!;
    const y = right[i]!;
    if (x === 0 && y === 0) continue;
    if (x !== 0) trained++;
    if (y !== 0) chip++;
    if (x !== y) {
      if (mismatches++ === 0) first = i;
      byStep[Math.floor(i / perStep)]!++;
    }
    // NaN and infinity differ from themselves under subtraction: two sides that are both broken are not equal.
    if (x - x !== 0 || y - y !== 0) failNotFinite(x - x !== 0 ? a : b, i);
  }
  return { trained, chip, mismatches, byStep, first };
}

function failNotFinite(trace: LayerTrace, index: number): never {
  const { step, sample, neuron } = place(trace.shape, index);
  fail("VALUE", {
    where: `layer "${trace.layer}", step ${step}, sample ${sample}, neuron [${neuron.join(",")}]`,
    expected: "a finite value",
    got: `${trace.data[index]}`,
    hint: "A run that left the range of its numbers proves nothing.",
  });
}

function describe(trained: LayerTrace, chip: LayerTrace, index: number, firstSample: number): Difference {
  const { step, sample, neuron } = place(trained.shape, index);
  return {
    layer: trained.layer,
    step,
    sample: sample + firstSample,
    neuron,
    trained: trained.data[index]!,
    chip: chip.data[index]!,
  };
}

/** Row-major index in `[T, N, ...]` to its coordinates. */
function place(shape: Shape, index: number): { step: number; sample: number; neuron: number[] } {
  const coordinates: number[] = [];
  let rest = index;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    coordinates.unshift(rest % shape[axis]!);
    rest = Math.floor(rest / shape[axis]!);
  }
  const [step, sample, ...neuron] = coordinates;
  return { step: step!, sample: sample!, neuron };
}
