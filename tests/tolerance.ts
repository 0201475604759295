/** Comparing float numbers with reference vectors. */
import { expect } from "vitest";

/** Reference files: |got - stored| <= relative * M + 1e-6, M the largest stored magnitude (fixtures/README.md). */
export const ABSOLUTE = 1e-6;
/** One forward and backward pass: the order of float32 sums differs between implementations. */
export const ONE_PASS = 1e-5;
/** Parameters and losses after several training steps, where those differences add up. */
export const TRAJECTORY = 1e-4;

/** Fails naming the place of the largest excess. */
export function expectClose(got: ArrayLike<number>, stored: ArrayLike<number>, relative: number, what: string): void {
  expect(got.length, `${what}: number of values`).toBe(stored.length);
  let largest = 0;
  for (let i = 0; i < stored.length; i++) largest = Math.max(largest, Math.abs(stored[i]!));
  const allowed = relative * largest + ABSOLUTE;
  let worst = 0;
  let place = -1;
  for (let i = 0; i < stored.length; i++) {
    const error = Math.abs(got[i]! - stored[i]!);
    if (!(error <= worst)) {
      worst = error;
      place = i;
    }
  }
  expect(worst, `${what}: value ${place} is ${got[place]}, stored ${stored[place]}`).toBeLessThanOrEqual(allowed);
}
