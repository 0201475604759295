/** The harness of all gradient tests: backward against central differences, and the same operation in every layout. */
import { expect } from "vitest";
import { RandomStream, type Shape, sizeOf } from "../../src/core/index.ts";
import { backwardFrom, noGrad, scope, Tensor, toChannelsLast, Variable } from "../../src/tensor/index.ts";

/** One input: its shape and layout, and its numbers (by default multiples of 2^-8 in [-2, 2)). */
export interface GradientInput {
  shape: Shape;
  spatial?: number;
  data?: ArrayLike<number>;
}

export type Operation = (...inputs: Tensor[]) => Tensor;

/**
 * float32 outputs carry about 1e-7 of their size; divided by 2 * STEP this is 1e-5, and the third derivative adds about STEP^2 = 1e-4.
 * Relative to the largest gradient, at least 1.
 */
const TOLERANCE = 2e-3;
/** A power of two, so that x + STEP and x - STEP are exact. */
const STEP = 2 ** -7;
/** Elements tried for each input: every one for small inputs, else evenly spread. */
const MOST_ELEMENTS = 48;

/** Multiples of 2^-8 in [low, high), the same for the same seed. */
export function randomNumbers(count: number, seed = 1, low = -2, high = 2): Float32Array {
  const random = new RandomStream(seed);
  return Float32Array.from({ length: count }, () => Math.floor((low + (high - low) * random.uniform()) * 256) / 256);
}

/** A leaf tensor in a layout. */
export function leaf(data: ArrayLike<number>, shape: Shape, spatial = 0): Tensor {
  const plain = Tensor.from(data, shape);
  const tensor = toChannelsLast(plain, spatial);
  plain.dispose();
  tensor.variable = new Variable(true);
  return tensor;
}

interface Evaluation {
  output: Float32Array;
  shape: Shape;
  grads: Float32Array[];
}

function numbersOf(input: GradientInput, index: number): Float32Array {
  return Float32Array.from(input.data ?? randomNumbers(sizeOf(input.shape), index + 1));
}

/** Output, and gradients of sum(output * weights) with fixed random weights. Frees everything. */
function evaluate(operation: Operation, inputs: readonly GradientInput[]): Evaluation {
  return scope(() => {
    const leaves = inputs.map((input, i) => leaf(numbersOf(input, i), input.shape, input.spatial));
    const output = operation(...leaves);
    backwardFrom([[output, Tensor.from(randomNumbers(output.size, 99), output.shape)]]);
    const grads = leaves.map((tensor) => Float32Array.from(tensor.grad?.toArray() ?? new Float32Array(tensor.size)));
    return { output: output.toArray() as Float32Array, shape: output.shape, grads };
  });
}

/** sum(output * weights) in double precision, without recording. */
function objective(operation: Operation, inputs: readonly GradientInput[], data: Float32Array[]): number {
  return scope(() =>
    noGrad(() => {
      const output = operation(
        ...inputs.map((input, i) => toChannelsLast(Tensor.from(data[i]!, input.shape), input.spatial ?? 0)),
      );
      const weights = randomNumbers(output.size, 99);
      return (output.toArray() as Float32Array).reduce((sum, value, i) => sum + value * weights[i]!, 0);
    }),
  );
}

/**
 * Compares the gradients of every input with central differences of the forward pass. The points must be smooth ones: no kink within
 * STEP (2^-7) of an input.
 */
export function expectGradients(operation: Operation, inputs: readonly GradientInput[], step = STEP): void {
  const { grads } = evaluate(operation, inputs);
  const data = inputs.map(numbersOf);
  inputs.forEach((input, which) => {
    const size = sizeOf(input.shape);
    const stride = Math.max(1, Math.floor(size / MOST_ELEMENTS));
    const scale = Math.max(1, ...grads[which]!.map(Math.abs));
    for (let i = 0; i < size; i += stride) {
      const at = data[which]![i]!;
      data[which]![i] = at + step;
      const above = objective(operation, inputs, data);
      data[which]![i] = at - step;
      const below = objective(operation, inputs, data);
      data[which]![i] = at;
      const expected = (above - below) / (2 * step);
      const deviation = Math.abs(grads[which]![i]! - expected) / scale;
      expect(deviation, `input ${which} element ${i}: got ${grads[which]![i]}, expected ${expected}`).toBeLessThan(
        TOLERANCE,
      );
    }
  });
}

/** Sums in another order differ by a few units in the last place of the largest term. */
const LAYOUT_TOLERANCE = 1e-5;

/** The same values and gradients whether the inputs are given plain or channels-last (`spatial` of each input). */
export function expectSameInEveryLayout(operation: Operation, inputs: readonly GradientInput[]): void {
  const plain = evaluate(
    operation,
    inputs.map((input) => ({ ...input, spatial: 0 })),
  );
  const variants = inputs.map((_, only) => inputs.map((input, i) => (i === only ? input : { ...input, spatial: 0 })));
  for (const variant of [inputs, ...variants]) {
    const other = evaluate(operation, variant);
    expect(other.shape).toEqual(plain.shape);
    expectClose(other.output, plain.output, LAYOUT_TOLERANCE);
    for (const [i, grad] of other.grads.entries()) expectClose(grad, plain.grads[i]!, LAYOUT_TOLERANCE);
  }
}

/** |got - expected| <= tolerance * (1 + largest expected), for every element. */
export function expectClose(got: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(got.length).toBe(expected.length);
  let largest = 0;
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(expected[i]!));
  for (let i = 0; i < got.length; i++) {
    const deviation = Math.abs(got[i]! - expected[i]!);
    // written so that NaN fails
    if (!(deviation <= tolerance * (1 + largest))) {
      expect.fail(`element ${i}: expected ${expected[i]}, got ${got[i]} (tolerance ${tolerance * (1 + largest)})`);
    }
  }
}

/** Runs an operation on numbers and gives back numbers; nothing stays behind. */
export function values(operation: Operation, ...inputs: GradientInput[]): { data: number[]; shape: Shape } {
  return scope(() => {
    const tensors = inputs.map((input, i) =>
      toChannelsLast(Tensor.from(numbersOf(input, i), input.shape), input.spatial ?? 0),
    );
    const output = operation(...tensors);
    return { data: Array.from(output.toArray()), shape: output.shape };
  });
}
