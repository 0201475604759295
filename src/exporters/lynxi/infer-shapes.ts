/** Result type, shapes and cost of each ONNX operator that whole-sequence graphs use, by its inputs (operator sets 11 to 13). */
import { formatShape, sizeOf } from "../../core/index.ts";
import {
  constantTensor,
  type ElementType,
  elementTypeOf,
  intAttribute,
  intsAttribute,
  type OnnxNode,
  stringAttribute,
} from "./onnx-model.ts";
import type { ValueFacts } from "./infer.ts";

export interface InferredNode {
  /** One shape for each output; null: unknown. */
  shapes?: (number[] | null)[];
  type?: ElementType;
  multiplyAdds?: number;
  /** Why the inputs do not fit together. */
  problem?: string;
}

type Shapes = (number[] | null | undefined)[];
type Infer = (node: OnnxNode, shapes: Shapes, inputs: readonly (ValueFacts | null)[]) => InferredNode;

export function inferShape(node: OnnxNode, inputs: readonly (ValueFacts | null)[], _opset: number): InferredNode {
  const shapes = inputs.map((input) => input?.shape);
  const type = resultType(node, inputs);
  const infer = node.domain === "" ? INFERENCES[node.op] : undefined;
  return { ...(type ? { type } : {}), ...infer?.(node, shapes, inputs) };
}

const COMPARISONS = new Set(["GreaterOrEqual", "Greater", "LessOrEqual", "Less", "Equal", "Not", "And", "Or"]);

function resultType(node: OnnxNode, inputs: readonly (ValueFacts | null)[]): ElementType | null {
  if (COMPARISONS.has(node.op)) return "bool";
  if (node.op === "Shape") return "int64";
  if (node.op === "Cast") return elementTypeOf(intAttribute(node, "to", 0));
  if (node.op === "ConstantOfShape") return node.attributes.value?.kind === "tensor" ? node.attributes.value.value.type : "float32";
  if (node.op === "Where") return inputs[1]?.type ?? null;
  return inputs[0]?.type ?? null;
}

const one = (shape: number[] | null | undefined): InferredNode => ({ shapes: [shape ?? null] });
const conflict = (problem: string): InferredNode => ({ shapes: [null], problem });

const same: Infer = (_node, [x]) => one(x);

const broadcast: Infer = (_node, shapes) => {
  if (shapes.some((shape) => !shape)) return one(null);
  const known = shapes as number[][];
  const rank = Math.max(...known.map((shape) => shape.length));
  const result: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const sizes = known.map((shape) => shape[axis - rank + shape.length] ?? 1);
    const size = Math.max(...sizes);
    if (sizes.some((other) => other !== 1 && other !== size)) {
      return conflict(`shapes ${known.map((shape) => formatShape(shape)).join(" and ")} do not broadcast`);
    }
    result.push(size);
  }
  return one(result);
};

/** Output size along one axis of a window operator. */
function windowSize(input: number, kernel: number, stride: number, dilation: number, pads: number, ceil: boolean): number {
  const span = (input + pads - dilation * (kernel - 1) - 1) / stride;
  return (ceil ? Math.ceil(span) : Math.floor(span)) + 1;
}

function windowed(node: OnnxNode, spatial: number[], kernel: number[]): number[] | null {
  if (stringAttribute(node, "auto_pad", "NOTSET") !== "NOTSET") return null;
  const axes = spatial.length;
  const strides = intsAttribute(node, "strides") ?? new Array<number>(axes).fill(1);
  const dilations = intsAttribute(node, "dilations") ?? new Array<number>(axes).fill(1);
  const pads = intsAttribute(node, "pads") ?? new Array<number>(2 * axes).fill(0);
  const ceil = intAttribute(node, "ceil_mode", 0) === 1;
  return spatial.map((size, i) =>
    windowSize(size, kernel[i]!, strides[i]!, dilations[i]!, pads[i]! + pads[i + axes]!, ceil),
  );
}

const conv: Infer = (node, [x, weight]) => {
  if (!x || !weight) return one(null);
  const group = intAttribute(node, "group", 1);
  if (x.length < 3 || weight.length !== x.length || weight[1]! * group !== x[1]) {
    return conflict(`input ${formatShape(x)} does not fit weights ${formatShape(weight)} in ${group} groups`);
  }
  const spatial = windowed(node, x.slice(2), weight.slice(2));
  if (!spatial) return one(null);
  const shape = [x[0]!, weight[0]!, ...spatial];
  return { shapes: [shape], multiplyAdds: sizeOf(shape) * sizeOf(weight.slice(1)) };
};

const pool: Infer = (node, [x]) => {
  const kernel = intsAttribute(node, "kernel_shape");
  if (!x || !kernel) return one(null);
  if (x.length !== kernel.length + 2) return conflict(`input ${formatShape(x)} for a window of ${kernel.length} axes`);
  const spatial = windowed(node, x.slice(2), kernel);
  return one(spatial && [...x.slice(0, 2), ...spatial]);
};

const gemm: Infer = (node, [a, b]) => {
  if (!a || !b) return one(null);
  if (a.length !== 2 || b.length !== 2) return conflict(`matrices expected, got ${formatShape(a)} and ${formatShape(b)}`);
  const [rows, depth] = intAttribute(node, "transA", 0) ? a.toReversed() : a;
  const [inner, columns] = intAttribute(node, "transB", 0) ? b.toReversed() : b;
  if (depth !== inner) return conflict(`inner sizes ${depth} and ${inner} differ`);
  return { shapes: [[rows!, columns!]], multiplyAdds: rows! * columns! * depth! };
};

const matMul: Infer = (_node, [a, b]) => {
  if (!a || !b || a.length < 2 || b.length < 2) return one(null);
  if (a.at(-1) !== b.at(-2)) return conflict(`inner sizes ${a.at(-1)} and ${b.at(-2)} differ`);
  const leading = broadcast({} as OnnxNode, [a.slice(0, -2), b.slice(0, -2)], []).shapes?.[0];
  if (!leading) return conflict(`leading axes of ${formatShape(a)} and ${formatShape(b)} do not broadcast`);
  const shape = [...leading, a.at(-2)!, b.at(-1)!];
  return { shapes: [shape], multiplyAdds: sizeOf(shape) * a.at(-1)! };
};

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
    : conflict(`${formatShape(x)} does not reshape to [${target}]`);
};

const flatten: Infer = (node, [x]) => {
  if (!x) return one(null);
  const axis = intAttribute(node, "axis", 1);
  const at = axis < 0 ? axis + x.length : axis;
  return one([sizeOf(x.slice(0, at)), sizeOf(x.slice(at))]);
};

const transpose: Infer = (node, [x]) => {
  if (!x) return one(null);
  const order = intsAttribute(node, "perm") ?? x.map((_, axis) => x.length - 1 - axis);
  return order.length === x.length ? one(order.map((axis) => x[axis]!)) : conflict("perm has another length than the shape");
};

const axesOf = (node: OnnxNode, inputs: readonly (ValueFacts | null)[], at: number): number[] | null =>
  intsAttribute(node, "axes") ?? inputs[at]?.constant ?? null;

const unsqueeze: Infer = (node, [x], inputs) => {
  const axes = axesOf(node, inputs, 1);
  if (!x || !axes) return one(null);
  const rank = x.length + axes.length;
  const added = new Set(axes.map((axis) => (axis + rank) % rank));
  const rest = [...x];
  return one(Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : rest.shift()!)));
};

const squeeze: Infer = (node, [x], inputs) => {
  if (!x) return one(null);
  const removed = axesOf(node, inputs, 1)?.map((axis) => (axis + x.length) % x.length);
  return one(x.filter((size, axis) => (removed ? !removed.includes(axis) : size !== 1)));
};

const concat: Infer = (node, shapes) => {
  if (shapes.some((shape) => !shape)) return one(null);
  const known = shapes as number[][];
  const first = known[0]!;
  const axis = (intAttribute(node, "axis", 0) + first.length) % first.length;
  if (known.some((shape) => shape.length !== first.length || shape.some((size, i) => i !== axis && size !== first[i]))) {
    return conflict(`shapes ${known.map((shape) => formatShape(shape)).join(", ")} do not join along axis ${axis}`);
  }
  return one(first.map((size, i) => (i === axis ? known.reduce((sum, shape) => sum + shape[i]!, 0) : size)));
};

const split: Infer = (node, [x]) => {
  if (!x) return { shapes: node.outputs.map(() => null) };
  const axis = (intAttribute(node, "axis", 0) + x.length) % x.length;
  const sizes = intsAttribute(node, "split") ?? node.outputs.map(() => x[axis]! / node.outputs.length);
  return { shapes: sizes.map((size) => x.map((whole, i) => (i === axis ? size : whole))) };
};

const slice: Infer = (_node, [x], inputs) => {
  const [starts, ends] = [inputs[1]?.constant, inputs[2]?.constant];
  if (!x || !starts || !ends) return one(null);
  const axes = inputs[3] ? inputs[3].constant : x.map((_, axis) => axis);
  const steps = inputs[4] ? inputs[4].constant : starts.map(() => 1);
  if (!axes || !steps) return one(null);
  const shape = [...x];
  starts.forEach((start, i) => {
    const axis = (axes[i]! + x.length) % x.length;
    const size = x[axis]!;
    const step = steps[i]!;
    const clamp = (at: number) => Math.min(Math.max(at < 0 ? at + size : at, step < 0 ? -1 : 0), step < 0 ? size - 1 : size);
    shape[axis] = Math.max(0, Math.ceil((clamp(ends[i]!) - clamp(start)) / step));
  });
  return one(shape);
};

const gather: Infer = (node, [x, indices]) => {
  if (!x || !indices) return one(null);
  const axis = (intAttribute(node, "axis", 0) + x.length) % x.length;
  return one([...x.slice(0, axis), ...indices, ...x.slice(axis + 1)]);
};

const tile: Infer = (_node, [x], inputs) => {
  const repeats = inputs[1]?.constant;
  return one(x && repeats ? x.map((size, axis) => size * repeats[axis]!) : null);
};

const expand: Infer = (node, [x], inputs) => broadcast(node, [x, inputs[1]?.constant], inputs);

const reduce: Infer = (node, [x], inputs) => {
  if (!x) return one(null);
  const axes = axesOf(node, inputs, 1)?.map((axis) => (axis + x.length) % x.length) ?? x.map((_, axis) => axis);
  const kept = intAttribute(node, "keepdims", 1) === 1;
  return one(kept ? x.map((size, axis) => (axes.includes(axis) ? 1 : size)) : x.filter((_, axis) => !axes.includes(axis)));
};

const globalPool: Infer = (_node, [x]) => one(x && x.map((size, axis) => (axis < 2 ? size : 1)));

const INFERENCES: Readonly<Record<string, Infer>> = {
  ...Object.fromEntries(
    "Cast Not Relu Sigmoid Tanh Exp Round Identity Clip BatchNormalization Softmax LeakyRelu HardSigmoid HardSwish Erf Sqrt Abs Neg Dropout"
      .split(" ")
      .map((op) => [op, same]),
  ),
  ...Object.fromEntries(
    "Add Sub Mul Div Pow Max Min Where GreaterOrEqual Greater LessOrEqual Less Equal And Or".split(" ").map((op) => [op, broadcast]),
  ),
  Conv: conv,
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
