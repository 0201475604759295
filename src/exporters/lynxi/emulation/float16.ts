/**
 * Rounding to float16, nearest even: 11 significant bits, largest finite 65504, smallest normal 2^-14, smallest 2^-24.
 * Numbers stay float32 arrays here; the float16-typed option and files in float16 use the bits.
 */
import { Float16Array, f16round } from "@petamoriken/float16";

export const FLOAT16_MAX = 65504;
export const FLOAT16_SMALLEST_NORMAL = 2 ** -14;

export { f16round as roundToFloat16 };

/** What a rounding changed. */
export interface RoundingChange {
  /** Numbers that changed. */
  count: number;
  largestChange: number;
  /** Finite numbers that became infinite. */
  overflowed: number;
  /** Non-zero numbers that became zero. */
  flushed: number;
  /** Numbers stored as subnormals, with fewer than 11 significant bits. */
  subnormal: number;
}

/** The array rounded to float16 values, and what that changed. */
export function roundArray(data: ArrayLike<number>): { data: Float32Array; change: RoundingChange } {
  const rounded = new Float32Array(data.length);
  const change: RoundingChange = { count: 0, largestChange: 0, overflowed: 0, flushed: 0, subnormal: 0 };
  for (let i = 0; i < data.length; i++) {
    const exact = data[i]!;
    const near = f16round(exact);
    rounded[i] = near;
    if (near === exact) {
      if (near !== 0 && Math.abs(near) < FLOAT16_SMALLEST_NORMAL) change.subnormal++;
      continue;
    }
    change.count++;
    if (!Number.isFinite(near)) change.overflowed++;
    else change.largestChange = Math.max(change.largestChange, Math.abs(near - exact));
    if (near === 0) change.flushed++;
    else if (Math.abs(near) < FLOAT16_SMALLEST_NORMAL) change.subnormal++;
  }
  return { data: rounded, change };
}

/** The 16 bits of each number (rounded to nearest even where it is no float16). */
export function toFloat16Bits(data: ArrayLike<number>): Uint16Array {
  const half = Float16Array.from(data);
  return new Uint16Array(half.buffer, half.byteOffset, half.length);
}

export function fromFloat16Bits(bits: Uint16Array): Float32Array {
  const aligned = new Uint16Array(bits);
  return Float32Array.from(new Float16Array(aligned.buffer));
}

export function float16BitsToNumber(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The largest float16 number below a number: what a strict comparison takes in place of a threshold so that equality fires (1 gives 0.99951171875). */
export function float16Below(value: number): number {
  const near = f16round(value);
  if (near < value) return near;
  const [bits = 0] = toFloat16Bits([near]);
  if (near === 0) return -(2 ** -24);
  return float16BitsToNumber(near > 0 ? bits - 1 : bits + 1);
}
