/**
 * The arithmetic words: what surrogate functions are written in, and what the neuron vocabulary extends. A target gives
 * each word a meaning; `E` is that target's kind of value (a number, a piece of C++ text, ...).
 */

/** Plain arithmetic. Every result is rounded to the target's number format, one rounding for each word. */
export interface Arithmetic<E> {
  /** A fixed number, rounded to the target's format. */
  constant(value: number): E;
  add(a: E, b: E): E;
  sub(a: E, b: E): E;
  mul(a: E, b: E): E;
  div(a: E, b: E): E;
  /** Sign change; never rounds. */
  negate(a: E): E;
}

/**
 * What elementary functions need besides arithmetic, chosen so that a processor does each in one or two vector
 * instructions.
 */
export interface FunctionWords<E> extends Arithmetic<E> {
  /** |a| */
  absolute(a: E): E;
  /** `whenAtLeast` where a >= b, else `otherwise` (also where a or b is NaN). Both are computed. */
  pick(a: E, b: E, whenAtLeast: E, otherwise: E): E;
  /** 2^n for a whole number n from -126 to 127, exact. */
  powerOfTwo(n: E): E;
}

/** The words in float32: each result is rounded to nearest even, as a processor does. */
export const float32Arithmetic: FunctionWords<number> = {
  constant: Math.fround,
  add: (a, b) => Math.fround(a + b),
  sub: (a, b) => Math.fround(a - b),
  mul: (a, b) => Math.fround(a * b),
  div: (a, b) => Math.fround(a / b),
  negate: (a) => -a,
  absolute: Math.abs,
  pick: (a, b, whenAtLeast, otherwise) => (a >= b ? whenAtLeast : otherwise),
  powerOfTwo: (n) => 2 ** n,
};
