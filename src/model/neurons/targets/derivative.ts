/**
 * The derivative of a step: dual numbers lifted over any other target. Over numbers they compute the backward pass,
 * over C++ they print it. A dual holds a value and its partial derivatives by input; values follow one meaning of the
 * words (with its rounding), partial derivatives are always computed in float32.
 *
 * A step restarts at its charged values: their own partials lead back to input and previous states, and whatever comes
 * after has partials with respect to the charged values only. Backward therefore needs no value but the charged ones.
 */
import type { Arithmetic } from "../../surrogates/index.ts";
import type { ParameterWords, Words } from "../vocabulary.ts";

/** A partial derivative of exactly 1, so that no product with 1 is computed or printed. */
const ONE = Symbol("derivative 1");
type Partial<E> = E | typeof ONE;
type Partials<E> = ReadonlyMap<string, Partial<E>>;

export interface Dual<E> {
  value: E;
  partials: Partials<E>;
}

const NONE = new Map<string, never>();

export function constantDual<E>(value: E): Dual<E> {
  return { value, partials: NONE };
}

/** A dual that stands for the input `name`. */
export function variableDual<E>(name: string, value: E): Dual<E> {
  return { value, partials: new Map([[name, ONE]]) };
}

/** The partial derivative of a number by an input; 0 where it does not depend on it. */
export function partialOf({ partials }: Dual<number>, name: string): number {
  const partial = partials.get(name) ?? 0;
  return partial === ONE ? 1 : partial;
}

/** Sums and products of partial derivatives. */
class Chain<E> {
  constructor(readonly words: Arithmetic<E>) {}

  times(a: Partial<E>, b: Partial<E>): Partial<E> {
    if (a === ONE) return b;
    return b === ONE ? a : this.words.mul(a, b);
  }

  plain(a: Partial<E>): E {
    return a === ONE ? this.words.constant(1) : a;
  }

  plus(a: Partials<E>, b: Partials<E>): Partials<E> {
    const sum = new Map(a);
    for (const [name, partial] of b) {
      const known = sum.get(name);
      sum.set(name, known === undefined ? partial : this.words.add(this.plain(known), this.plain(partial)));
    }
    return sum;
  }

  scaled(a: Partials<E>, factor: () => Partial<E>): Partials<E> {
    if (a.size === 0) return NONE;
    const by = factor();
    return new Map([...a].map(([name, partial]) => [name, this.times(partial, by)]));
  }

  negated(a: Partials<E>): Partials<E> {
    return new Map([...a].map(([name, partial]) => [name, this.words.negate(this.plain(partial))]));
  }
}

/** The plain arithmetic words over duals. */
function dualArithmetic<E>(values: Arithmetic<E>, chain: Chain<E>): Arithmetic<Dual<E>> {
  const g = chain.words;
  return {
    constant: (value) => constantDual(values.constant(value)),
    add: (a, b) => ({ value: values.add(a.value, b.value), partials: chain.plus(a.partials, b.partials) }),
    sub: (a, b) => ({
      value: values.sub(a.value, b.value),
      partials: chain.plus(a.partials, chain.negated(b.partials)),
    }),
    mul: (a, b) => ({
      value: values.mul(a.value, b.value),
      partials: chain.plus(
        chain.scaled(a.partials, () => b.value),
        chain.scaled(b.partials, () => a.value),
      ),
    }),
    div(a, b) {
      const value = values.div(a.value, b.value);
      return {
        value,
        partials: chain.plus(
          chain.scaled(a.partials, () => g.div(g.constant(1), b.value)),
          chain.scaled(b.partials, () => g.negate(g.div(value, b.value))),
        ),
      };
    },
    negate: (a) => ({ value: values.negate(a.value), partials: chain.negated(a.partials) }),
  };
}

/** The parameter words over duals, for the gradients of learned values. */
export function dualParameterWords<E>(words: ParameterWords<E>): ParameterWords<Dual<E>> {
  const chain = new Chain(words);
  return {
    ...dualArithmetic(words, chain),
    sigmoid(a) {
      const value = words.sigmoid(a.value);
      const slope = () => words.mul(value, words.sub(words.constant(1), value));
      return { value, partials: chain.scaled(a.partials, slope) };
    },
    roundEven: (a) => ({ value: words.roundEven(a.value), partials: a.partials }),
    clamp: (a, low, high) => ({ value: words.clamp(a.value, low, high), partials: a.partials }),
    scaleGradient: (a, factor) => ({
      value: words.scaleGradient(a.value, factor),
      partials: chain.scaled(a.partials, () => words.constant(factor)),
    }),
  };
}

export interface DerivativeHooks<E> {
  /** The stored value of a charged quantity, from which the step restarts. */
  charged(name: string): E;
  /** Derivative of the surrogate function at the spike's argument. */
  slope(argument: E): E;
}

/** The words over duals: `values` computes what is known in the forward pass, `gradients` (float32) the derivatives. */
export function dualWords<E>(
  values: Words<E>,
  gradients: Words<E>,
  hooks: DerivativeHooks<E>,
  onCharged: (name: string, partials: Partials<E>) => void,
): Words<Dual<E>> {
  const chain = new Chain<E>(gradients);
  const g = gradients;
  const arithmetic = dualArithmetic(values, chain);
  const inverse = (scale: E) => g.div(g.constant(1), scale);
  return {
    ...arithmetic,
    decay: (state, keep) => ({ ...arithmetic.mul(state, keep), value: values.decay(state.value, keep.value) }),
    exponential(a) {
      const value = values.exponential(a.value);
      return { value, partials: chain.scaled(a.partials, () => value) };
    },
    relu: (a) => ({
      value: values.relu(a.value),
      partials: chain.scaled(a.partials, () => g.positive(a.value)),
    }),
    positive: (a) => constantDual(values.positive(a.value)),
    decayFixed: (state, decay) => ({
      value: values.decayFixed(state.value, decay.value),
      partials: chain.plus(
        chain.scaled(state.partials, () => g.sub(g.constant(1), g.fromGrid(decay.value, g.constant(4096)))),
        chain.scaled(decay.partials, () => g.negate(g.fromGrid(state.value, g.constant(4096)))),
      ),
    }),
    toGrid: (x, scale) => ({
      value: values.toGrid(x.value, scale.value),
      partials: chain.scaled(x.partials, () => scale.value),
    }),
    fromGrid: (i, scale) => ({
      value: values.fromGrid(i.value, scale.value),
      partials: chain.scaled(i.partials, () => inverse(scale.value)),
    }),
    throughReal: (i, scale) => ({ value: values.throughReal(i.value, scale.value), partials: i.partials }),
    addGrid: (a, b) => ({ value: values.addGrid(a.value, b.value), partials: chain.plus(a.partials, b.partials) }),
    gate: (i, open) => ({
      value: values.gate(i.value, open.value),
      partials: chain.plus(
        chain.scaled(i.partials, () => open.value),
        chain.scaled(open.partials, () => g.fromGrid(i.value, g.constant(1))),
      ),
    }),
    bound: (i, how) => ({ value: values.bound(i.value, how), partials: i.partials }),
    charged(name, value) {
      onCharged(name, value.partials);
      return variableDual(`charged ${name}`, hooks.charged(name));
    },
    spike({ value, threshold, strict, argument = arithmetic.sub(value, threshold) }) {
      const spike = values.spike({ value: value.value, threshold: threshold.value, strict, argument: argument.value });
      return { value: spike, partials: chain.scaled(argument.partials, () => hooks.slope(argument.value)) };
    },
    hold: (a) => constantDual(a.value),
    straightThrough: (value, gradientOf) => ({
      value: values.straightThrough(value.value, gradientOf.value),
      partials: gradientOf.partials,
    }),
  };
}

/** Collects gradients of inputs, contribution by contribution. */
export class Adjoints<E> {
  readonly #gradients = new Map<string, E>();
  readonly #chain: Chain<E>;

  constructor(words: Arithmetic<E>) {
    this.#chain = new Chain(words);
  }

  get(name: string): E | undefined {
    return this.#gradients.get(name);
  }

  /** Adds a contribution and returns the sum so far. */
  add(name: string, gradient: E): E {
    const known = this.#gradients.get(name);
    const sum = known === undefined ? gradient : this.#chain.words.add(known, gradient);
    this.#gradients.set(name, sum);
    return sum;
  }

  /** The gradient of a value flows to its inputs. */
  flow(gradient: E, partials: Partials<E>): void {
    for (const [name, partial] of partials) this.add(name, this.#chain.plain(this.#chain.times(partial, gradient)));
  }
}
