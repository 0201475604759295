/** What tests of 16-bit tensors share: their types, their numbers as floats, and how near those must be. */
import { expect } from "vitest";
import { cast, type Tensor, Variable } from "../../src/tensor/index.ts";

export const TYPES = ["bfloat16", "float16"] as const;
export type Half = (typeof TYPES)[number];

/**
 * Significant bits are 8 and 11: half a last place relative to the largest number of an array, twice for what is rounded on the way in
 * and again on the way out, and twice more for sums of such numbers.
 */
export const TOLERANCE = { bfloat16: 4 * 2 ** -8, float16: 4 * 2 ** -11 };

export const floats = (x: Tensor): Float32Array => cast(x, "float32").toArray() as Float32Array;

export function expectNear(actual: Float32Array, exact: Float32Array, type: Half, what: string): void {
  const size = exact.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const error = actual.reduce((most, value, i) => Math.max(most, Math.abs(value - exact[i]!)), 0);
  expect(actual.length, what).toBe(exact.length);
  expect(error, `${what}: largest error of numbers up to ${size}`).toBeLessThanOrEqual(
    TOLERANCE[type] * Math.max(size, 1e-3),
  );
}

export function leafOf(x: Tensor): Tensor {
  x.variable = new Variable(true);
  return x;
}
