/** Result type, shapes and cost of each ONNX operator that whole-sequence graphs use, by its inputs (operator sets 11 to 13). */
import { formatShape, sizeOf } from "../../../core/index.ts";
import {
  constantTensor,
  type ElementType,
  elementTypeOf,
  intAttribute,
  intsAttribute,
  type OnnxNode,
} from "../onnx/onnx-model.ts";
import type { ValueFacts } from "./facts.ts";
import { conv, convTranspose, gemm, globalPool, matMul, pool } from "./infer-dense.ts";
import { broadcast, conflict, frontAxes, frontAxis, type Infer, type InferredNode, one } from "./infer-rule.ts";

export function inferShape(node: OnnxNode, inputs: readonly (ValueFacts | null)[]): InferredNode {
  const shapes = inputs.map((input) => input?.shape);
  const type = resultType(node, inputs);
  const infer = node.domain === "" && Object.hasOwn(INFERENCES, node.op) ? INFERENCES[node.op] : undefined;
  return { ...(type ? { type } : {}), ...infer?.(node, shapes, inputs) };
}

const COMPARISONS = new Set(["GreaterOrEqual", "Greater", "LessOrEqual", "Less", "Equal", "Not", "And", "Or"]);

function resultType(node: OnnxNode, inputs: readonly (ValueFacts | null)[]): ElementType | null {
  if (COMPARISONS.has(node.op)) return "bool";
  if (node.op === "Shape") return "int64";
  if (node.op === "Cast") return elementTypeOf(intAttribute(node, "to", 0));
  if (node.op === "ConstantOfShape")
    return node.attributes.value?.kind === "tensor" ? node.attributes.value.value.type : "float32";
  if (node.op === "Where") return inputs[1]?.type ?? null;
  return inputs[0]?.type ?? null;
}

/** A message names at most this many axes or shapes. */
const MOST_AXES = 8;

const same: Infer = (_node, [x]) => one(x);

const reshape: Infer = (_node, [x], inputs) => {
  const target = inputs[1]?.constant;
  if (!target) return one(null);
  // 0 keeps the input's size, one -1 takes what is left
  const sizes = target.map((size, axis) => (size === 0 ? (x?.[axis] ?? 0) : size));
  if (!x) return one(sizes.includes(-1) ? null : sizes);
  const rest = sizes.filter((size) => size !== -1).reduce((product, size) => product * size, 1);
  const shape = sizes.map((size) => (size === -1 ? sizeOf(x) / rest : size));
  return sizeOf(shape) === sizeOf(x) && shape.every(Number.isInteger)
    ? one(shape)
    : conflict(`${formatShape(x)} does not reshape to [${target.slice(0, MOST_AXES)}]`);
};

const flatten: Infer = (node, [x]) => {
  if (!x) return one(null);
  const axis = intAttribute(node, "axis", 1);
  // the axis may also stand behind the last one
  const at = axis < 0 ? frontAxis(axis, x.length) : frontAxis(axis, x.length + 1);
  if (at === null) return conflict(`axis ${axis} outside of ${formatShape(x)}`);
  return one([sizeOf(x.slice(0, at)), sizeOf(x.slice(at))]);
};

const transpose: Infer = (node, [x]) => {
  if (!x) return one(null);
  const order = intsAttribute(node, "perm") ?? x.map((_, axis) => x.length - 1 - axis);
  return order.length === x.length
    ? one(order.map((axis) => x[axis]!))
    : conflict("perm has another length than the shape");
};

const axesOf = (node: OnnxNode, inputs: readonly (ValueFacts | null)[], at: number): number[] | null =>
  intsAttribute(node, "axes") ?? inputs[at]?.constant ?? null;

const unsqueeze: Infer = (node, [x], inputs) => {
  const axes = axesOf(node, inputs, 1);
  if (!x || !axes) return one(null);
  const rank = x.length + axes.length;
  const added = new Set(frontAxes(axes, rank) ?? []);
  if (added.size !== axes.length) return conflict(`axes [${axes.slice(0, MOST_AXES)}] for ${rank} dimensions`);
  const rest = [...x];
  return one(Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : rest.shift()!)));
};

const squeeze: Infer = (node, [x], inputs) => {
  if (!x) return one(null);
  const axes = axesOf(node, inputs, 1);
  const removed = axes ? frontAxes(axes, x.length) : undefined;
  if (removed === null) return conflict(`axes [${axes?.slice(0, MOST_AXES)}] outside of ${formatShape(x)}`);
  return one(x.filter((size, axis) => (removed ? !removed.includes(axis) : size !== 1)));
};

const concat: Infer = (node, shapes) => {
  if (shapes.some((shape) => !shape)) return one(null);
  const known = shapes as number[][];
  const [first = []] = known;
  const axis = frontAxis(intAttribute(node, "axis", 0), first.length);
  if (axis === null) return conflict(`axis ${intAttribute(node, "axis", 0)} outside of ${formatShape(first)}`);
  if (
    known.some((shape) => shape.length !== first.length || shape.some((size, i) => i !== axis && size !== first[i]))
  ) {
    const shown = known.slice(0, MOST_AXES).map((shape) => formatShape(shape));
    return conflict(`shapes ${shown.join(", ")} do not join along axis ${axis}`);
  }
  return one(first.map((size, i) => (i === axis ? known.reduce((sum, shape) => sum + shape[i]!, 0) : size)));
};

const split: Infer = (node, [x], inputs) => {
  if (!x) return { shapes: node.outputs.map(() => null) };
  const axis = frontAxis(intAttribute(node, "axis", 0), x.length);
  if (axis === null) return conflict(`axis ${intAttribute(node, "axis", 0)} outside of ${formatShape(x)}`);
  const given = intsAttribute(node, "split") ?? (node.inputs[1] ? inputs[1]?.constant : null);
  if (given === undefined) return { shapes: node.outputs.map(() => null) };
  const sizes = given ?? node.outputs.map(() => x[axis]! / node.outputs.length);
  return { shapes: sizes.map((size) => x.map((whole, i) => (i === axis ? size : whole))) };
};

const slice: Infer = (_node, [x], inputs) => {
  const [starts, ends] = [inputs[1]?.constant, inputs[2]?.constant];
  if (!x || !starts || !ends) return one(null);
  const axes = inputs[3] ? inputs[3].constant : x.map((_, axis) => axis);
  const steps = inputs[4] ? inputs[4].constant : starts.map(() => 1);
  if (!axes || !steps) return one(null);
  const front = frontAxes(axes.slice(0, starts.length), x.length);
  if (!front || front.length < starts.length || ends.length < starts.length || steps.length < starts.length) {
    return conflict(`starts, ends, axes and steps that do not fit ${formatShape(x)}`);
  }
  const shape = [...x];
  starts.forEach((start, i) => {
    const axis = front[i]!;
    const size = x[axis]!;
    const step = steps[i]!;
    const clamp = (at: number) =>
      Math.min(Math.max(at < 0 ? at + size : at, step < 0 ? -1 : 0), step < 0 ? size - 1 : size);
    shape[axis] = Math.max(0, Math.ceil((clamp(ends[i]!) - clamp(start)) / step));
  });
  return one(shape);
};

const gather: Infer = (node, [x, indices]) => {
  if (!x || !indices) return one(null);
  const axis = frontAxis(intAttribute(node, "axis", 0), x.length);
  if (axis === null) return conflict(`axis ${intAttribute(node, "axis", 0)} outside of ${formatShape(x)}`);
  return one([...x.slice(0, axis), ...indices, ...x.slice(axis + 1)]);
};

const tile: Infer = (_node, [x], inputs) => {
  const repeats = inputs[1]?.constant;
  return one(x && repeats ? x.map((size, axis) => size * repeats[axis]!) : null);
};

const expand: Infer = (node, [x], inputs) => broadcast(node, [x, inputs[1]?.constant], inputs);

const reduce: Infer = (node, [x], inputs) => {
  if (!x) return one(null);
  const given = axesOf(node, inputs, 1);
  const axes = given ? frontAxes(given, x.length) : x.map((_, axis) => axis);
  if (!axes) return conflict(`axes [${given?.slice(0, MOST_AXES)}] outside of ${formatShape(x)}`);
  const kept = intAttribute(node, "keepdims", 1) === 1;
  return one(
    kept ? x.map((size, axis) => (axes.includes(axis) ? 1 : size)) : x.filter((_, axis) => !axes.includes(axis)),
  );
};

const pad: Infer = (_node, [x], inputs) => {
  const pads = inputs[1]?.constant;
  if (!x || !pads || inputs[3]) return one(null);
  if (pads.length !== 2 * x.length) return conflict(`${pads.length} pads for ${formatShape(x)}`);
  return one(x.map((size, axis) => size + pads[axis]! + pads[axis + x.length]!));
};

const resize: Infer = (_node, [x], inputs) => {
  const sizes = inputs[3]?.constant;
  const scales = inputs[2]?.floats;
  if (!x || (sizes ?? scales)?.length !== x.length) return one(null);
  return one(sizes ?? x.map((size, axis) => Math.floor(size * scales![axis]!)));
};

const INFERENCES: Readonly<Record<string, Infer>> = {
  ...Object.fromEntries(
    "Cast Not Relu Sigmoid Tanh Exp Round Identity Clip BatchNormalization Softmax LeakyRelu HardSigmoid HardSwish Erf Sqrt Abs Neg Dropout"
      .split(" ")
      .map((op) => [op, same]),
  ),
  ...Object.fromEntries(
    "Add Sub Mul Div Pow Max Min Where GreaterOrEqual Greater LessOrEqual Less Equal And Or"
      .split(" ")
      .map((op) => [op, broadcast]),
  ),
  Conv: conv,
  ConvTranspose: convTranspose,
  Pad: pad,
  Resize: resize,
  Gemm: gemm,
  MatMul: matMul,
  MaxPool: pool,
  AveragePool: pool,
  GlobalAveragePool: globalPool,
  Reshape: reshape,
  Flatten: flatten,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
  Squeeze: squeeze,
  Concat: concat,
  Split: split,
  Slice: slice,
  Gather: gather,
  Tile: tile,
  Expand: expand,
  ReduceMean: reduce,
  ReduceSum: reduce,
  ReduceMax: reduce,
  Shape: (_node, [x]) => one(x ? [x.length] : null),
  ConstantOfShape: (_node, _shapes, inputs) => one(inputs[0]?.constant ?? null),
  Constant: (node) => one(constantTensor(node)?.shape),
};
