/**
 * Carries out operators on stored numbers, for folding: those that move numbers about, and float32 arithmetic that IEEE 754 defines to the last
 * bit. Everything else gives null.
 */
import { sizeOf } from "../../../core/index.ts";
import {
  type ElementType,
  intAttribute,
  intsAttribute,
  type OnnxNode,
  type OnnxTensor,
  type TensorData,
} from "../onnx/onnx-model.ts";
import type { ValueFacts } from "../shapes/facts.ts";

/** Folding may make a file larger; results beyond this many numbers stay computed. */
const LARGEST_FOLDED = 2 ** 20;

/** `facts`: what inference knows of the result. The inputs are complete tensors; a missing optional input is null. */
export function evaluate(node: OnnxNode, inputs: readonly (OnnxTensor | null)[], facts: ValueFacts): OnnxTensor | null {
  const name = node.outputs[0] ?? "";
  const { shape, type, constant } = facts;
  if (!shape || sizeOf(shape) > LARGEST_FOLDED) return null;
  if (constant && constant.length === sizeOf(shape)) {
    const data = wholeNumbers(constant, type);
    if (data) return { name, type, shape, data };
  }
  const [x] = inputs;
  if (!x || x.external) return null;
  const compute = Object.hasOwn(EVALUATIONS, node.op) ? EVALUATIONS[node.op]! : null;
  const data = compute?.({ node, x, inputs, shape }) ?? null;
  return data ? { name, type: node.op === "ConstantOfShape" ? type : x.type, shape, data } : null;
}

function wholeNumbers(numbers: readonly number[], type: ElementType): TensorData | null {
  if (!numbers.every(Number.isSafeInteger)) return null;
  if (type === "int64") return BigInt64Array.from(numbers, BigInt);
  if (type === "int32") return Int32Array.from(numbers);
  return type === "bool" ? Uint8Array.from(numbers) : null;
}

interface Evaluation {
  node: OnnxNode;
  x: OnnxTensor;
  inputs: readonly (OnnxTensor | null)[];
  /** Of the result. */
  shape: number[];
}
type Evaluate = (evaluation: Evaluation) => TensorData | null;

const sameData: Evaluate = ({ x, shape }) => (x.data.length === sizeOf(shape) ? x.data : null);

/** Numbers of a tensor in another order or repeated: `from` gives, for each index of the result, the index in the source. */
function picked(x: OnnxTensor, shape: readonly number[], from: (at: number[]) => number[]): TensorData {
  const size = sizeOf(shape);
  const data = new (x.data.constructor as new (length: number) => TensorData)(size);
  const strides = stridesOf(x.shape);
  const at = shape.map(() => 0);
  for (let i = 0; i < size; i++) {
    data[i] = x.data[from(at).reduce((sum, index, axis) => sum + index * strides[axis]!, 0)]! as never;
    for (let axis = shape.length - 1; axis >= 0 && ++at[axis]! === shape[axis]; axis--) at[axis] = 0;
  }
  return data;
}

export function stridesOf(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

/** A tensor spread to a larger shape as arithmetic does it: aligned at the last axis, axes of size 1 repeated. */
export function spread(x: OnnxTensor, shape: readonly number[]): TensorData {
  const skipped = shape.length - x.shape.length;
  return picked(x, shape, (at) => at.slice(skipped).map((index, axis) => (x.shape[axis] === 1 ? 0 : index)));
}

const float32Arithmetic =
  (compute: (a: number, b: number) => number): Evaluate =>
  ({ x, inputs: [, y], shape }) => {
    if (!y || x.type !== "float32" || y.type !== "float32") return null;
    const [a, b] = [spread(x, shape), spread(y, shape)] as [Float32Array, Float32Array];
    // one operation in float64, rounded once, is the float32 operation
    return a.map((value, i) => compute(value, b[i]!));
  };

const EVALUATIONS: Readonly<Record<string, Evaluate>> = {
  Identity: sameData,
  Reshape: sameData,
  Flatten: sameData,
  Squeeze: sameData,
  Unsqueeze: sameData,
  Add: float32Arithmetic((a, b) => a + b),
  Sub: float32Arithmetic((a, b) => a - b),
  Mul: float32Arithmetic((a, b) => a * b),
  Div: float32Arithmetic((a, b) => a / b),
  Expand: ({ x, shape }) => spread(x, shape),
  Tile: ({ x, shape }) => picked(x, shape, (at) => at.map((index, axis) => index % x.shape[axis]!)),
  Transpose: ({ node, x, shape }) => {
    const order = intsAttribute(node, "perm") ?? x.shape.map((_, axis) => x.shape.length - 1 - axis);
    return picked(x, shape, (at) => x.shape.map((_, axis) => at[order.indexOf(axis)]!));
  },
  Gather: ({ node, x, inputs: [, indices], shape }) => {
    if (!indices || indices.shape.length > 1) return null;
    const axis = (intAttribute(node, "axis", 0) + x.shape.length) % x.shape.length;
    const wanted = Array.from(
      indices.data as ArrayLike<number | bigint>,
      (i) => (Number(i) + x.shape[axis]!) % x.shape[axis]!,
    );
    const scalar = indices.shape.length === 0;
    return picked(x, shape, (at) =>
      x.shape.map((_, a) => {
        if (a < axis) return at[a]!;
        if (a === axis) return wanted[scalar ? 0 : at[a]!]!;
        return at[scalar ? a - 1 : a]!;
      }),
    );
  },
  ConstantOfShape: ({ node, shape }) => {
    const value = node.attributes.value;
    if (value && value.kind !== "tensor") return null;
    const number = value?.value.data[0] ?? 0;
    const kind = value?.value.data.constructor ?? Float32Array;
    return new (kind as new (length: number) => TensorData)(sizeOf(shape)).fill(number as never);
  },
};
