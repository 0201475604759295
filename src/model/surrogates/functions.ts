/**
 * Elementary functions written once over the words, so that TypeScript, C++ and CUDA give the same bits: a C library's
 * `expf` differs from machine to machine and cannot be vectorised portably. Meant for float32.
 */
import type { FunctionWords } from "./arithmetic.ts";

/** 1.5 * 2^23: adding and subtracting it rounds a float32 below 2^22 to the nearest whole number. */
const ROUNDING_SHIFT = 12582912;
/** ln 2 in two parts; the first has 9 significant bits, so its product with a whole number up to 2^15 is exact. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = Math.LN2 - LN2_HIGH;
/** Just above ln of the smallest normal float32: below it the result is taken as 0. */
const LOWEST_EXPONENT = -87.33;
const HIGHEST_EXPONENT = 88;

/** c[0] + c[1] x + c[2] x^2 + ..., by Horner's rule from the highest power. */
function polynomial<E>(w: FunctionWords<E>, x: E, coefficients: readonly number[]): E {
  return coefficients
    .slice(0, -1)
    .reduceRight((sum, c) => w.add(w.mul(sum, x), w.constant(c)), w.constant(coefficients.at(-1)!));
}

/** Taylor coefficients 1/k!: at |r| <= ln(2)/2 the first omitted term is 5e-9. */
const EXPONENTIAL = [1, 1, 1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040];

/**
 * e^x = 2^n e^r with r in [-ln2/2, ln2/2], to about 1 unit in the last place; 0 below -87.33, e^88 above 88, NaN for
 * NaN.
 */
export function exponential<E>(w: FunctionWords<E>, x: E): E {
  const lowest = w.constant(LOWEST_EXPONENT);
  const highest = w.constant(HIGHEST_EXPONENT);
  const notTooSmall = w.pick(lowest, x, lowest, x);
  const inRange = w.pick(notTooSmall, highest, highest, notTooSmall);
  const shift = w.constant(ROUNDING_SHIFT);
  const n = w.sub(w.add(w.mul(inRange, w.constant(Math.LOG2E)), shift), shift);
  const r = w.sub(w.sub(inRange, w.mul(n, w.constant(LN2_HIGH))), w.mul(n, w.constant(LN2_LOW)));
  const result = w.mul(polynomial(w, r, EXPONENTIAL), w.powerOfTwo(n));
  return w.pick(lowest, x, w.constant(0), result);
}

/** Taylor coefficients of atan(z)/z in z^2: at z = tan(pi/8) the first omitted term is 2e-8. */
const ARCTANGENT = [1, -1 / 3, 1 / 5, -1 / 7, 1 / 9, -1 / 11, 1 / 13, -1 / 15];

/**
 * atan(x) to about 1e-7. Arguments above 1 go through pi/2 - atan(1/a), then above tan(pi/8) through pi/4 +
 * atan((a-1)/(a+1)).
 */
export function arctangent<E>(w: FunctionWords<E>, x: E): E {
  const one = w.constant(1);
  const zero = w.constant(0);
  const size = w.absolute(x);
  const inverted = w.pick(size, one, w.div(one, size), size);
  const far = w.constant(Math.tan(Math.PI / 8));
  const z = w.pick(inverted, far, w.div(w.sub(inverted, one), w.add(inverted, one)), inverted);
  const series = w.mul(z, polynomial(w, w.mul(z, z), ARCTANGENT));
  const below1 = w.add(w.pick(inverted, far, w.constant(Math.PI / 4), zero), series);
  const angle = w.pick(size, one, w.sub(w.constant(Math.PI / 2), below1), below1);
  return w.pick(x, zero, angle, w.negate(angle));
}

/** Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: |error| below 1.5e-7. */
const ERROR_FUNCTION = { p: 0.3275911, a: [0, 0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429] };

/** erfc(x) to 3e-7 absolute. */
export function complementaryError<E>(w: FunctionWords<E>, x: E): E {
  const one = w.constant(1);
  const size = w.absolute(x);
  const t = w.div(one, w.add(one, w.mul(w.constant(ERROR_FUNCTION.p), size)));
  const tail = w.mul(polynomial(w, t, ERROR_FUNCTION.a), exponential(w, w.negate(w.mul(size, size))));
  return w.pick(x, w.constant(0), tail, w.sub(w.constant(2), tail));
}
