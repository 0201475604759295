/** From numbers to places on paper: scales, round tick values and how they are written. */
import { fail } from "../../core/index.ts";

export type Interval = readonly [low: number, high: number];

/** Refuses what cannot be drawn. @throws VALUE naming the chart. */
export function checkFinite(values: Iterable<number>, where: string): void {
  for (const value of values) {
    if (!Number.isFinite(value)) fail("VALUE", { where, expected: "finite numbers", got: `${value}` });
  }
}

/** Straight line from `domain` to `range`. A domain without extent maps to the middle. */
export function linearScale([d0, d1]: Interval, [r0, r1]: Interval): (value: number) => number {
  return d1 === d0 ? () => (r0 + r1) / 2 : (value) => r0 + ((value - d0) / (d1 - d0)) * (r1 - r0);
}

export interface Ticks {
  values: number[];
  /** Distance of two ticks. */
  step: number;
}

/** The step of 1, 2 or 5 times a power of ten that cuts `span` (above 0) into at most `count` pieces. */
function roundStep(span: number, count: number): number {
  const power = 10 ** Math.floor(Math.log10(span / count));
  return power * ([1, 2, 5].find((factor) => span / (power * factor) <= count * (1 + 1e-9)) ?? 10);
}

/**
 * Round values within an interval, at most `count` + 1. `whole`: whole numbers only, for steps and epochs.
 * An interval without extent has itself as its only tick. @throws VALUE when the interval is not finite.
 */
export function ticksWithin([low, high]: Interval, count = 5, whole = false): Ticks {
  checkFinite([low, high, high - low], "axis");
  if (high <= low) return { values: [low], step: 1 };
  const found = roundStep(high - low, count);
  const step = whole ? Math.max(1, found) : found;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return { values: Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (first + i) * step), step };
}

/** Values below count as zero: powers of ten end not far beneath. Intervals narrower than that share of their values count as one value. */
const [SMALLEST, SMALLEST_EXTENT] = [1e-290, 1e-9];

/** Widens the interval of some values to round ends. `from`: a value that must be inside, usually 0. Without values: 0 to 1. */
export function roundInterval(values: readonly number[], from?: number, count = 5): Interval {
  const all = from === undefined ? values : [...values, from];
  checkFinite(all, "axis");
  if (values.length === 0) return [0, 1];
  const low = all.reduce((a, b) => Math.min(a, b));
  const high = all.reduce((a, b) => Math.max(a, b));
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (size < SMALLEST) return [Math.min(low, 0), 1];
  if (high - low < size * SMALLEST_EXTENT) return [low - size / 2, high + size / 2];
  const step = roundStep(high - low, count);
  return [Math.floor(low / step + 1e-9) * step, Math.ceil(high / step - 1e-9) * step];
}

/** A tick's value with the decimals that its step needs; very small and large steps in powers of ten. */
export function formatTick(value: number, step: number): string {
  if (value === 0) return "0";
  const exponent = Math.floor(Math.log10(step) + 1e-9);
  if (exponent < -4 || exponent > 5) return value.toExponential(1).replace(".0e", "e").replace("e+", "e");
  return value.toFixed(Math.max(0, -exponent));
}

/** The same in percent. */
export function formatPercentTick(share: number, step: number): string {
  return `${formatTick(share * 100, step * 100)}%`;
}
