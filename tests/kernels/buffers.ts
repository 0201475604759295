/** Native buffers for kernel tests: made from numbers, read back, and freed together after each test. */
import { afterEach } from "vitest";
import { type BufferId, type BytesView, core } from "../../src/kernels/index.ts";

const made: BufferId[] = [];

afterEach(() => {
  for (const buffer of made.splice(0)) core().release(buffer);
});

/** A buffer of `bytes` bytes with undefined content. */
export function bytes(count: number): BufferId {
  const buffer = core().alloc(count);
  made.push(buffer);
  return buffer;
}

/** A buffer that holds these values. */
export function from(values: BytesView): BufferId {
  const buffer = bytes(values.byteLength);
  core().write(buffer, 0, values);
  return buffer;
}

export function floats(values: ArrayLike<number>): BufferId {
  return from(Float32Array.from(values));
}

/** Room for `count` floats, filled with NaN so that an element nobody writes is noticed. */
export function room(count: number): BufferId {
  return from(new Float32Array(count).fill(Number.NaN));
}

export function read(buffer: BufferId): Float32Array {
  const values = new Float32Array(core().byteLength(buffer) / 4);
  core().read(buffer, 0, values);
  return values;
}

export function readInts(buffer: BufferId): Int32Array {
  const values = new Int32Array(core().byteLength(buffer) / 4);
  core().read(buffer, 0, values);
  return values;
}

/** Runs a call that writes `count` floats into the buffer it is given, and returns them. */
export function result(count: number, call: (out: BufferId) => void): Float32Array {
  const out = room(count);
  call(out);
  return read(out);
}

/** Repeatable numbers in [-1, 1) that look random: enough for kernels, and independent of the generator under test. */
export function noise(count: number, seed = 1): Float32Array {
  let state = seed >>> 0 || 1;
  return Float32Array.from({ length: count }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) / 2 ** 32) * 2 - 1;
  });
}

/** Largest difference, relative to `scale`. */
export function worstDifference(got: ArrayLike<number>, expected: ArrayLike<number>, scale = 1): number {
  if (got.length !== expected.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < got.length; i++) {
    if (got[i] === expected[i]) continue; // also equal infinities
    const difference = Math.abs(got[i]! - expected[i]!) / scale;
    if (!(difference <= worst)) worst = difference;
  }
  return worst;
}
