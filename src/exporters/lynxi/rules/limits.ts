/** Rules about size. */
import { sizeOf } from "../../../core/index.ts";
import { elementBytes } from "../onnx-model.ts";
import type { DesignRule, RuleSubject, Violation } from "../rules.ts";
import { findSpikeLayers } from "../spike-layers.ts";
import { SOURCES } from "./source.ts";

const INPUT_BYTES = 6 * 2 ** 20;
const LARGEST_AXIS = 4095;
const ROW_BYTES = 256 * 2 ** 10;

function inputBounds({ model, inference }: RuleSubject): Violation[] {
  const violations: Violation[] = [];
  let total = 0;
  for (const { name, type } of model.inputs) {
    const shape = inference.facts.get(name)?.shape;
    if (!shape) continue;
    // the host may send float16 for a graph typed float32; the declared type is the larger of both
    const bytes = elementBytes(type) ?? 4;
    total += sizeOf(shape) * bytes;
    const [, channels = 1, ...spatial] = shape;
    if ([channels, ...spatial].some((size) => size > LARGEST_AXIS)) {
      violations.push({ place: name, message: `an axis above ${LARGEST_AXIS}` });
    }
    const row = (spatial.at(-1) ?? 1) * channels * bytes;
    if (spatial.length > 0 && row > ROW_BYTES)
      violations.push({ place: name, message: `${row} bytes in one image row` });
  }
  if (total > INPUT_BYTES)
    violations.push({ place: "inputs", message: `${total} bytes, documented bound ${INPUT_BYTES}` });
  return violations;
}

const MOST_NODES = 20_000;
const MOST_ROWS = 1024;
const MOST_NEURONS = 250_000;

function graphSize({ model, inference }: RuleSubject): Violation[] {
  const violations: Violation[] = [];
  const place = "graph";
  if (model.nodes.length > MOST_NODES)
    violations.push({ place, message: `${model.nodes.length} nodes, above ${MOST_NODES}` });
  const shapes = findSpikeLayers(model).map(({ value }) => inference.facts.get(value)?.shape ?? []);
  const rows = Math.max(0, ...shapes.map(([steps = 0, batch = 0]) => steps * batch));
  if (rows > MOST_ROWS) violations.push({ place, message: `T*N = ${rows} rows, above ${MOST_ROWS}` });
  const neurons = shapes.reduce((sum, shape) => sum + (shape.length > 0 ? sizeOf(shape.slice(1)) : 0), 0);
  if (neurons > MOST_NEURONS)
    violations.push({ place, message: `${neurons} neurons in one step, a chip holds ${MOST_NEURONS}` });
  return violations;
}

export const limitRules: readonly DesignRule[] = [
  {
    id: "LX015",
    severity: "warning",
    title: "inputs within the documented bounds",
    source: `${SOURCES.documents}, neuron_simulation_toolkit`,
    rewrite: "Lower N, or send the image once and repeat it in the graph.",
    check: inputBounds,
  },
  {
    id: "LX028",
    severity: "warning",
    title: "a size that a compiler can be expected to take",
    source:
      "community.nanhubrain.com, apu documents (250 thousand neurons in dense mode); rows and nodes are our own caution",
    rewrite: "Lower N or T, or split the network.",
    check: graphSize,
  },
];
