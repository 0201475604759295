/**
 * Sine, cosine and arctangent rounded to the nearest double. JavaScript's own differ from the C library's in the last bit of some results,
 * and Lava's resonators hang on that bit (see `resonator-decays.ts`). Computed in fixed point with far more bits than a double has.
 */

const FRACTION_BITS = 192;
const ONE = 1n << BigInt(FRACTION_BITS);

/** A double in fixed point: exact from 2^-139 on, since it has 53 bits, and 0 far below. */
const toFixed = (value: number): bigint => BigInt(Math.trunc(value * 2 ** FRACTION_BITS));

/** Conversion of a bigint rounds to nearest, and the scaling is exact. */
const toDouble = (value: bigint): number => Number(value) / 2 ** FRACTION_BITS;

const times = (a: bigint, b: bigint): bigint => (a * b) >> BigInt(FRACTION_BITS);

/** Taylor series of sine (from the first power) or cosine (from the zeroth). Sizes up to pi need some sixty terms. */
function series(x: bigint, first: bigint, power: number): bigint {
  const square = times(x, x);
  let term = first;
  let sum = 0n;
  for (let n = power; term !== 0n; n += 2) {
    sum += term;
    term = -times(term, square) / BigInt((n + 1) * (n + 2));
  }
  return sum;
}
const sineSeries = (x: bigint): bigint => series(x, x, 1);
const cosineSeries = (x: bigint): bigint => series(x, ONE, 0);

/** sin(x), |x| up to a few turns. */
export function sine(x: number): number {
  return x === 0 ? x : toDouble(sineSeries(toFixed(x)));
}

/** cos(x), |x| up to a few turns. */
export function cosine(x: number): number {
  return toDouble(cosineSeries(toFixed(x)));
}

/** Angle of the point (x, y), -pi to pi. One step of Newton's method from JavaScript's own angle, whose error it cubes. */
export function angleOf(y: number, x: number): number {
  const near = Math.atan2(y, x);
  if (y === 0) return near;
  const [fixedX, fixedY, angle] = [toFixed(x), toFixed(y), toFixed(near)];
  const [sin, cos] = [sineSeries(angle), cosineSeries(angle)];
  const along = times(fixedX, cos) + times(fixedY, sin);
  const across = times(fixedY, cos) - times(fixedX, sin);
  // points too close to zero for fixed point
  if (along === 0n) return near;
  return toDouble(angle + (across << BigInt(FRACTION_BITS)) / along);
}
