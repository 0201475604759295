/**
 * In which order the emulator keeps images in memory. ONNX counts channels first, the native core wants them last. A result stays channels-last as
 * long as every operator behind it works element by element or along the first axis; the turn back is made once, where order matters.
 */
import { sameShape, sizeOf } from "../../../core/index.ts";
import { core } from "../../../kernels/index.ts";
import type { OnnxNode } from "../onnx/onnx-model.ts";
import { bufferOf, type ChannelOrder, disposeValue, type Machine, type Value } from "./emulator-values.ts";

/** Operators that turn their inputs themselves. */
const TURNS_ITSELF = new Set(["Conv", "MaxPool", "AveragePool", "BatchNormalization"]);

/** Operators whose result has each number where the input had it. */
export const ELEMENTWISE = new Set([
  "Add",
  "Sub",
  "Mul",
  "Div",
  "GreaterOrEqual",
  "Greater",
  "LessOrEqual",
  "Less",
  "Not",
  "Cast",
  "Exp",
  "Relu",
]);

/** Operators that move whole rows of the first axis. */
const ALONG_ROWS = new Set(["Slice", "Concat", "Tile"]);

/** Inputs in an order that the operator may read, and the order in which its result then is. References of its own. */
export function orderedInputs(
  machine: Machine,
  node: OnnxNode,
  inputs: readonly (Value | undefined)[],
): { inputs: Value[]; order: ChannelOrder | null } {
  const given = inputs.filter((input) => input !== undefined);
  const order = TURNS_ITSELF.has(node.op) ? null : commonOrder(node, given);
  const keep = order !== null || TURNS_ITSELF.has(node.op);
  const read = (input: Value) => (keep ? machine.view(input, input.shape) : plain(machine, input));
  // an optional input that is not given stays a gap
  return { inputs: inputs.map((input) => input && read(input)) as Value[], order };
}

function commonOrder(node: OnnxNode, inputs: readonly Value[]): ChannelOrder | null {
  const order = inputs.find((input) => input.order)?.order ?? null;
  if (!order) return null;
  const same = (input: Value) => input.order?.channels === order.channels && input.order.inner === order.inner;
  if (ALONG_ROWS.has(node.op)) {
    const moved = node.op === "Concat" ? inputs : inputs.slice(0, 1);
    return moved.every((input) => same(input) && leavesRows(input.shape, order)) ? order : null;
  }
  if (node.op === "Reshape" || node.op === "Flatten") return order;
  if (!ELEMENTWISE.has(node.op)) return null;
  const arrays = inputs.filter(({ numbers }) => numbers?.length !== 1);
  const [first] = arrays;
  const fits = arrays.every((input) => same(input) && sameShape(input.shape, first!.shape));
  return fits && arrays.every(({ grouped }) => grouped === first!.grouped) ? order : null;
}

/** A result of `orderedInputs` that says in which order it is; turned back where a Reshape cut through the turned part. */
export function withOrder(machine: Machine, result: Value, order: ChannelOrder | null): Value {
  if (!order) return result;
  const ordered = { ...result, order };
  if (leavesRows(result.shape, order)) return ordered;
  const first = plain(machine, ordered);
  disposeValue(result);
  return first;
}

/** True when the turned part lies behind the first axis. */
function leavesRows(shape: readonly number[], { channels, inner }: ChannelOrder): boolean {
  return shape.some((_, axis) => axis > 0 && sizeOf(shape.slice(axis)) === channels * inner);
}

/** The value in ONNX's order. Always a new reference. */
export function plain(machine: Machine, value: Value): Value {
  if (!value.order) return machine.view(value, value.shape);
  const { channels, inner } = value.order;
  return { ...turned(machine, value, inner, channels, value.shape), order: null };
}

/** `[rows, outer, inner]` to `[rows, inner, outer]`, under another shape. Always a new reference. */
export function turned(machine: Machine, x: Value, outer: number, inner: number, shape: number[]): Value {
  if (outer === 1 || inner === 1) return { ...machine.view(x, shape), order: null };
  const out = machine.make(shape, x.grouped);
  core().permute(4, bufferOf(x), [machine.count(x) / (outer * inner), outer, inner], [0, 2, 1], out.buffer.id);
  return { ...out, ...(x.binary ? { binary: true } : {}) };
}
