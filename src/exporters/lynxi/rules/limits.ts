/** Rules about size. */
import { sizeOf } from "../../../core/index.ts";
import { findSpikeLayers } from "../emulation/spike-layers.ts";
import { elementBytes, isFloatType, storedTensors } from "../onnx/onnx-model.ts";
import { SOURCES } from "./source.ts";
import type { DesignRule, RuleSubject, Violation } from "./subject.ts";

export const INPUT_BYTES = 6 * 2 ** 20;
export const LARGEST_AXIS = 4095;
export const ROW_BYTES = 256 * 2 ** 10;

function inputBounds({ model, inference }: RuleSubject): Violation[] {
  const inputs = model.inputs.flatMap(({ name, type }) => {
    const shape = inference.facts.get(name)?.shape;
    // the host may send float16 for a graph typed float32; the declared type is the larger of both
    return shape ? [{ name, shape, bytes: elementBytes(type) ?? 4 }] : [];
  });
  return boundsOf(inputs);
}

/** Documented bounds of what the host sends. Shapes `[rows, C, H, W]` or `[rows, F]`; the bounds are those of the channels-last view. */
export function boundsOf(inputs: readonly { name: string; shape: readonly number[]; bytes: number }[]): Violation[] {
  const violations: Violation[] = [];
  let total = 0;
  for (const { name, shape, bytes } of inputs) {
    total += sizeOf(shape) * bytes;
    const [, channels = 1, ...spatial] = shape;
    if ([channels, ...spatial].some((size) => size > LARGEST_AXIS)) {
      violations.push({ place: name, message: `an axis above ${LARGEST_AXIS}` });
    }
    const row = (spatial.at(-1) ?? 1) * channels * bytes;
    if (spatial.length > 0 && row > ROW_BYTES)
      violations.push({ place: name, message: `${row} bytes in one image row, documented bound ${ROW_BYTES}` });
  }
  if (total > INPUT_BYTES)
    violations.push({ place: "inputs", message: `${total} bytes, documented bound ${INPUT_BYTES}` });
  return violations;
}

const MOST_NODES = 20_000;
const MOST_ROWS = 1024;
const MOST_NEURONS = 250_000;

/** How large a graph is, in the numbers that decide whether a compiler and a chip can take it. */
export interface GraphSize {
  nodes: number;
  parameters: number;
  /** Neurons of one step of one sample, all layers together. */
  neurons: number;
  /** T*N of the largest spiking layer. */
  rows: number;
  /** Multiply-adds of one call. */
  multiplyAdds: number;
}

function graphSize({ model, inference, style }: RuleSubject): Violation[] {
  // [T, N, ...] of a whole sequence, [N, ...] of a single step
  const timed = style !== "single-step";
  const shapes = findSpikeLayers(model)
    .map(({ value }) => inference.facts.get(value)?.shape ?? [])
    .filter((shape) => shape.length > 0)
    .map((shape) => (timed ? shape : [1, ...shape]));
  return sizeRemarks({
    nodes: model.nodes.length,
    parameters: storedTensors(model)
      .filter(({ type }) => isFloatType(type))
      .reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    neurons: shapes.reduce((sum, shape) => sum + sizeOf(shape.slice(2)), 0),
    rows: shapes.reduce((most, [steps = 0, batch = 0]) => Math.max(most, steps * batch), 0),
    multiplyAdds: inference.multiplyAdds,
  });
}

/** Warnings where a size is above what we know of, and always the sizes themselves as a note. */
export function sizeRemarks({ nodes, parameters, neurons, rows, multiplyAdds }: GraphSize): Violation[] {
  const place = "graph";
  const above: [number, number, string][] = [
    [nodes, MOST_NODES, `${nodes} nodes, above ${MOST_NODES}`],
    [rows, MOST_ROWS, `T*N = ${rows} rows, above ${MOST_ROWS}`],
    [neurons, MOST_NEURONS, `${neurons} neurons in one step, a chip holds ${MOST_NEURONS}`],
  ];
  const sizes = `${nodes} nodes, ${parameters} parameters, ${neurons} neurons in one step, ${multiplyAdds} multiply-adds a call`;
  return [
    ...above.filter(([found, limit]) => found > limit).map(([, , message]) => ({ place, message })),
    { place, message: sizes, severity: "note" },
  ];
}

export const limitRules: readonly DesignRule[] = [
  {
    id: "LX015",
    severity: "warning",
    title: "inputs within the documented bounds: below 6 MB together, axes up to 4095, image rows up to 256 KB",
    source: `${SOURCES.documents}, neuron_simulation_toolkit`,
    rewrite: "Lower N, or send the image once and repeat it in the graph.",
    check: inputBounds,
  },
  {
    id: "LX028",
    severity: "warning",
    title: "a size that a compiler can be expected to take: up to 1024 rows, 20000 nodes, 250000 neurons in one step",
    source: `${SOURCES.nanhu} (250 thousand neurons in dense mode); rows and nodes are our own caution`,
    rewrite: "Lower N or T, write single steps, or split the network.",
    check: graphSize,
  },
];
