/**
 * The words as plain numbers: the living definition that every other target is tested against. Reals are rounded after
 * every word to float32, or to float16 in the half reading; grid numbers are exact.
 */
import { f16round } from "@petamoriken/float16";
import { exponential, float32Arithmetic } from "../../surrogates/index.ts";
import type { ParameterWords, Reading, Words } from "../vocabulary.ts";
import { chipWords } from "./fixed.ts";

/** Rounds a real to the format of a reading. */
export function roundTo(reading: Reading): (value: number) => number {
  return reading === "half" ? f16round : Math.fround;
}

/** Steps in 1 of a 12-bit decay. */
const DECAY_ONE = 4096;

function fromGrid(i: number, scale: number): number {
  return Math.fround(Math.fround(i) / Math.fround(scale));
}

function toGrid(x: number, scale: number): number {
  return Math.trunc(Math.fround(Math.fround(scale) * x));
}

const gridWords: Pick<
  Words<number>,
  "decayFixed" | "toGrid" | "fromGrid" | "throughReal" | "addGrid" | "gate" | "bound"
> = {
  decayFixed: (state, decay) => Math.trunc((state * (DECAY_ONE - decay)) / DECAY_ONE),
  toGrid,
  fromGrid,
  throughReal: (i, scale) => toGrid(fromGrid(i, scale), scale),
  addGrid: (a, b) => a + b,
  gate: (i, open) => i * open + 0, // adding 0 turns -0 into 0
  bound: (i) => i,
};

/**
 * The words over numbers. float16 results computed exactly in float64 and rounded once equal those of float16 hardware.
 */
export function numberWords(reading: Reading): Words<number> {
  const round = roundTo(reading);
  return {
    ...float32Arithmetic,
    constant: round,
    add: (a, b) => round(a + b),
    sub: (a, b) => round(a - b),
    mul: (a, b) => round(a * b),
    div: (a, b) => round(a / b),
    decay: (state, keep) => round(state * keep),
    exponential: (a) => round(exponential(float32Arithmetic, a)),
    relu: (a) => (a > 0 ? a : 0),
    positive: (a) => (a > 0 ? 1 : 0),
    ...gridWords,
    ...(reading === "chip" ? chipWords : {}),
    charged: (_, value) => value,
    spike: ({ value, threshold, strict }) => ((strict ? value > threshold : value >= threshold) ? 1 : 0),
    hold: (a) => a,
    straightThrough: (value) => value,
  };
}

/** Nearest whole number, halves to even; the sign stays, also that of 0. */
export function roundEven(value: number): number {
  const size = Math.abs(value);
  const floor = Math.floor(size);
  const rest = size - floor;
  const up = rest > 0.5 || (rest === 0.5 && floor % 2 === 1);
  return Math.sign(value) * (up ? floor + 1 : floor);
}

/** Arithmetic for parameters: float64, no rounding to a format. */
export const float64Words: ParameterWords<number> = {
  constant: (value) => value,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  negate: (a) => -a,
  sigmoid: (a) => 1 / (1 + Math.exp(-a)),
  roundEven,
  clamp: (a, low, high) => Math.min(Math.max(a, low), high),
  scaleGradient: (a) => a,
};
