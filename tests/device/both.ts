/** The same kernel calls on the CPU and on the device under test. */
import fc from "fast-check";
import { type DensePrecision, devices } from "../../src/kernels/index.ts";
import { DEVICE, isEmulated } from "./device.ts";

/**
 * How much further than rounding a GPU's sums may be from the CPU's: its tensor cores cut what they add to the places that fit, which
 * errs to one side and so grows with the number of terms, not with its root.
 */
export const CUT_SUMS = isEmulated ? 1 : 10;

/** What the factors of products are rounded to. */
export const precisions = fc.constantFrom<DensePrecision>("float32", "bfloat16", "float16");

/** Runs `body` where its buffers lie on the CPU, then where they lie on the device, and gives both results. */
export function onBoth<T>(body: () => T): [cpu: T, device: T] {
  const cpu = body();
  devices().current = DEVICE;
  try {
    return [cpu, body()];
  } finally {
    devices().current = "cpu";
  }
}

/** Whole numbers from -`most` to `most` from numbers in [-1, 1]: their products and sums here are exact in any order. */
export function whole(values: Float32Array, most = 8): Float32Array {
  return values.map((value) => Math.round(value * most));
}

/** The same numbers with one kind of zero: the sign of a sum that is zero depends on its order. */
export function withoutNegativeZero(results: Float32Array[]): Float32Array[] {
  return results.map((values) => values.map((value) => value + 0));
}
