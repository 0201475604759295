/**
 * Comparisons of number lists for the reference tests: exact by value, or within a tolerance of the largest stored
 * value.
 */
import { getFloat16 } from "@petamoriken/float16";
import { expect } from "vitest";
import type { ReferenceFile } from "../../h5.ts";

/**
 * The stored references' own tolerance: `|got - stored| <= 1e-5 M + 1e-6`, M the largest absolute value of the dataset.
 */
export const RELATIVE_TOLERANCE = 1e-5;
export const ABSOLUTE_TOLERANCE = 1e-6;

/** A dataset as plain numbers; float16 is stored as its bits. */
export function numbers(file: ReferenceFile, path: string): Float32Array {
  const { data } = file.array(path);
  if (!(data instanceof Uint16Array)) return Float32Array.from(data);
  const bits = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Float32Array.from(data, (_, i) => getFloat16(bits, i * 2, true));
}

/** Equal by value: 0 and -0 are equal, NaN equals NaN. Reports the first difference. */
export function expectExact(what: string, got: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(got.length, `${what}: length`).toBe(expected.length);
  const same = (a: number, b: number) => a === b || (Number.isNaN(a) && Number.isNaN(b));
  const first = Array.from(expected).findIndex((value, i) => !same(got[i]!, value));
  expect(first, `${what}: first difference at ${first}: expected ${expected[first]}, got ${got[first]}`).toBe(-1);
}

export function expectClose(
  what: string,
  got: ArrayLike<number>,
  expected: ArrayLike<number>,
  relative = RELATIVE_TOLERANCE,
  absolute = ABSOLUTE_TOLERANCE,
): void {
  expect(got.length, `${what}: length`).toBe(expected.length);
  const values = Array.from(expected);
  const bound = relative * values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) + absolute;
  const first = values.findIndex((value, i) => !(Math.abs(got[i]! - value) <= bound));
  expect(first, `${what}: beyond ${bound} at ${first}: expected ${expected[first]}, got ${got[first]}`).toBe(-1);
}

/** `[N, C, ..., T]` as `[T, N, C, ...]`. */
export function timeFirst(data: Float32Array, steps: number): Float32Array {
  const elements = data.length / steps;
  return Float32Array.from({ length: data.length }, (_, i) => data[(i % elements) * steps + Math.floor(i / elements)]!);
}

/** Columns `from, from + every, ...` of rows of `width`: one channel of `[T, N, C]` flattened to rows of N*C. */
export function columns(data: Float32Array, width: number, keep: (column: number) => boolean): Float32Array {
  return data.filter((_, i) => keep(i % width));
}
