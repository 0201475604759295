/** Carries out shape arithmetic: operators whose inputs are whole constants. Everything else gives null. */

import { ELEMENT_TYPES, intAttribute, intsAttribute, type OnnxNode, tensorNumbers } from "../onnx/onnx-model.ts";
import type { ValueFacts } from "./facts.ts";

/** Longer whole-number tensors are data, not shapes. */
export const LARGEST_SHAPE_CONSTANT = 4096;

export interface FoldedConstant {
  /** As the fold sees it; inference knows better where it knows the shape of the result. */
  shape: number[];
  numbers: number[];
}

type Input = { shape: number[]; numbers: number[] };

export function foldConstant(node: OnnxNode, inputs: readonly (ValueFacts | null)[]): FoldedConstant | null {
  if (node.op === "Shape") {
    const shape = inputs[0]?.shape;
    return shape ? { shape: [shape.length], numbers: shape } : null;
  }
  const known: Input[] = [];
  for (const input of inputs) {
    if (!input?.shape || !input.constant) return null;
    known.push({ shape: input.shape, numbers: input.constant });
  }
  const fold = node.domain === "" && Object.hasOwn(FOLDS, node.op) ? FOLDS[node.op] : undefined;
  return fold?.(node, known) ?? null;
}

type Fold = (node: OnnxNode, inputs: Input[]) => FoldedConstant | null;

const elementwise =
  (compute: (...values: number[]) => number): Fold =>
  (_node, inputs) => {
    // shape vectors and single numbers only: no general broadcasting
    const [first, ...others] = inputs;
    if (!first || inputs.some(({ shape }) => shape.length > 1)) return null;
    const longest = others.reduce(
      (a, b) => (b.shape.length > a.shape.length || b.numbers.length > a.numbers.length ? b : a),
      first,
    );
    if (inputs.some(({ numbers }) => numbers.length !== 1 && numbers.length !== longest.numbers.length)) return null;
    const at = (input: Input, i: number) => input.numbers[input.numbers.length === 1 ? 0 : i]!;
    return {
      shape: longest.shape,
      numbers: longest.numbers.map((_, i) => compute(...inputs.map((input) => at(input, i)))),
    };
  };

const reshaped = (shape: (node: OnnxNode, input: Input, axes: number[] | null) => number[]): Fold => {
  return (node, [input, axes]) =>
    input
      ? { shape: shape(node, input, intsAttribute(node, "axes") ?? axes?.numbers ?? null), numbers: input.numbers }
      : null;
};

const FOLDS: Readonly<Record<string, Fold>> = {
  Identity: (_node, [input]) => input ?? null,
  Cast: (node, [input]) => {
    const to = intAttribute(node, "to", 0);
    if (!input || (to !== ELEMENT_TYPES.int64 && to !== ELEMENT_TYPES.int32 && to !== ELEMENT_TYPES.bool)) return null;
    return to === ELEMENT_TYPES.bool
      ? { ...input, numbers: input.numbers.map((number) => Number(number !== 0)) }
      : input;
  },
  Add: elementwise((a = 0, b = 0) => a + b),
  Sub: elementwise((a = 0, b = 0) => a - b),
  Mul: elementwise((a = 0, b = 0) => a * b),
  Div: elementwise((a = 0, b = 1) => Math.trunc(a / b)),
  Equal: elementwise((a = 0, b = 0) => Number(a === b)),
  Where: elementwise((condition = 0, a = 0, b = 0) => (condition ? a : b)),
  Unsqueeze: reshaped((_node, input, axes) => {
    const rank = input.shape.length + (axes?.length ?? 0);
    const rest = [...input.shape];
    const added = new Set(axes?.map((axis) => (axis + rank) % rank));
    return Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : rest.shift()!));
  }),
  Squeeze: reshaped((_node, input, axes) => {
    const rank = input.shape.length;
    const removed = axes?.map((axis) => (axis + rank) % rank);
    return input.shape.filter((size, axis) => (removed ? !removed.includes(axis) : size !== 1));
  }),
  Reshape: (_node, [input, target]) =>
    input && target ? { shape: [input.numbers.length], numbers: input.numbers } : null,
  Concat: (_node, inputs) => {
    if (inputs.some(({ shape }) => shape.length !== 1)) return null;
    const length = inputs.reduce((sum, { numbers }) => sum + numbers.length, 0);
    if (length > LARGEST_SHAPE_CONSTANT) return null;
    return { shape: [length], numbers: inputs.flatMap((input) => input.numbers) };
  },
  Gather: (_node, [input, indices]) => {
    if (input?.shape.length !== 1 || !indices) return null;
    const { length } = input.numbers;
    return { shape: indices.shape, numbers: indices.numbers.map((i) => input.numbers[(i + length) % length]!) };
  },
  Slice: (_node, [input, starts, ends, , steps]) => {
    if (input?.shape.length !== 1 || !starts || !ends || (steps && steps.numbers[0] !== 1)) return null;
    const numbers = input.numbers.slice(starts.numbers[0], ends.numbers[0]);
    return { shape: [numbers.length], numbers };
  },
  ConstantOfShape: (node, [input]) => {
    const value = node.attributes.value;
    if (!input || value?.kind !== "tensor" || value.value.type !== "int64") return null;
    const count = input.numbers.reduce((product, size) => product * size, 1);
    if (!Number.isInteger(count) || count < 0 || count > LARGEST_SHAPE_CONSTANT) return null;
    return { shape: input.numbers, numbers: new Array<number>(count).fill(tensorNumbers(value.value)[0] ?? 0) };
  },
};
