/**
 * The words neurons are written in. Each target (`targets/`) gives every word its meaning; no neuron equation exists
 * outside the definitions that use them. Words sit where targets differ: on Loihi a decay is a 12-bit product shifted
 * toward zero, in ONNX a `Mul`, so "multiply by keep" is a word of its own.
 *
 * Two kinds of value occur: reals (float32, or float16 in the half reading) and grid numbers, which are whole numbers
 * held exactly (up to 2^41 in size). A grid number is a real times a scale. Derivatives are those of the real-valued
 * formula: rounding, truncation, wrap and saturation count as the identity (straight-through).
 */
import type { Arithmetic } from "../surrogates/index.ts";

/** How numbers behave in a kernel: training arithmetic, every result rounded to float16, or a chip's integers. */
export type Reading = "float32" | "half" | "chip";

/**
 * Words for computing a neuron's parameters from its options: once per call, in float64, rounded once to the reading's
 * format.
 */
export interface ParameterWords<E> extends Arithmetic<E> {
  /** 1 / (1 + e^-a) */
  sigmoid(a: E): E;
  /** Nearest whole number, halves to even. */
  roundEven(a: E): E;
  /** The nearest number from low to high. The gradient passes, so a learned value that left the range can come back. */
  clamp(a: E, low: number, high: number): E;
  /** The same value; its gradient counts `factor` times. */
  scaleGradient(a: E, factor: number): E;
}

/** What `spike` compares. */
export interface SpikeFacts<E> {
  value: E;
  threshold: E;
  /** true: fires when value > threshold. false: when value >= threshold. */
  strict: boolean;
  /** What the surrogate function sees; by default value - threshold. */
  argument?: E;
}

export interface Words<E> extends Arithmetic<E> {
  /** What a real state keeps of itself in one step: state * keep. */
  decay(state: E, keep: E): E;
  /**
   * The same for a grid state, `decay` in 4096ths lost: state * (4096 - decay) shifted right by 12 bits toward zero.
   */
  decayFixed(state: E, decay: E): E;
  /** Real to grid: scale * x in float32, then truncated toward zero. */
  toGrid(x: E, scale: E): E;
  /** Grid to real: i / scale, both rounded to float32 first. */
  fromGrid(i: E, scale: E): E;
  /**
   * A grid number handed on as a real and read back, as training frameworks do between two integrators; a chip hands on
   * the integer.
   */
  throughReal(i: E, scale: E): E;
  /** Sum of two grid numbers, exact. */
  addGrid(a: E, b: E): E;
  /** The grid number i where `open` is 1, and 0 where it is 0. */
  gate(i: E, open: E): E;
  /**
   * The chip's 24 bits. `wrap`: 2^24 is subtracted above 2^23 and added from -2^23 down, once. `saturate`: clipped to
   * +-(2^23 - 1). Training: unchanged.
   */
  bound(i: E, how: "wrap" | "saturate"): E;
  /**
   * Marks a value that the forward pass stores and the backward pass restarts from. What comes after may read only
   * marked values and parameters.
   */
  charged(name: string, value: E): E;
  /** e^a, computed in float32 to about one unit in the last place and rounded once to the reading's format. */
  exponential(a: E): E;
  /** a where it is above 0, else 0; its derivative is 1 above 0 and 0 elsewhere. */
  relu(a: E): E;
  /** 1 where a is above 0, else 0: the derivative of `relu`. No gradient passes. */
  positive(a: E): E;
  /** 1 where the neuron fires, else 0. Its derivative is the surrogate's at `argument`. At most one in a neuron. */
  spike(facts: SpikeFacts<E>): E;
  /** The same value; no gradient passes. */
  hold(a: E): E;
  /** The value of one expression with the gradient of another. */
  straightThrough(value: E, gradientOf: E): E;
}
