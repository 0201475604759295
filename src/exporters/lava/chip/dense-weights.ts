/**
 * What becomes of a dense weight matrix between the file and the synapse: Lava's loader picks an exponent and a number of bits, and the
 * synapse process then clips and truncates with its own idea of the signs. Mostly nothing is lost; the cases where it is are found here
 * by running the procedure. Sources: lava-dl `netx/utils.py` (optimize_weight_bits), lava `utils/weightutils.py`, `proc/dense/models.py`.
 */
import type { NetArray } from "../net/net-file.ts";

/** Largest and smallest weight of a matrix with both signs: a signed byte in steps of two. */
export const WEIGHT_MAX = 254;
export const WEIGHT_MIN = -256;
const WEIGHT_BITS = 8;

/** A matrix as the synapse multiplies it: activation = (sum of the active inputs' weights) shifted right by `shift`, rounded down. */
export interface DenseSynapse {
  /** [O,I] */
  weights: Int32Array;
  shift: number;
  outputs: number;
  inputs: number;
}

/** Smallest and largest of several arrays. */
function extremes(arrays: readonly Int32Array[]): { min: number; max: number } {
  let min = Infinity;
  let max = -Infinity;
  for (const array of arrays) {
    for (const value of array) {
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  return { min, max };
}

/** Largest s with 2^s <= ratio. */
function floorLog2(ratio: number): number {
  const near = Math.floor(Math.log2(ratio));
  return 2 ** (near + 1) <= ratio ? near + 1 : near;
}

/** Largest n up to 8 such that 2^n divides every weight; 0 if none. */
function commonTwos(arrays: readonly Int32Array[]): number {
  let bits = 0;
  for (const array of arrays) for (const value of array) bits |= value;
  for (let n = WEIGHT_BITS; n > 0; n--) if ((bits & ((1 << n) - 1)) === 0) return n;
  return 0;
}

/** Every number changed and cut to a whole one. A plain loop: matrices have millions of weights, and `map` is ten times slower. */
function changed(data: ArrayLike<number>, change: (value: number) => number): Int32Array {
  const result = new Int32Array(data.length);
  for (let i = 0; i < result.length; i++) result[i] = change(data[i]!);
  return result;
}

/**
 * Synapses of matrices [O,I] that share one exponent (a recurrent layer has two); fractions are cut toward zero first, as the loader does.
 * null: every weight is zero, which the loader cannot scale and fails on.
 */
export function loadDense(matrices: readonly NetArray[]): DenseSynapse[] | null {
  let arrays = matrices.map(({ data }) => changed(data, Math.trunc));
  let { min, max } = extremes(arrays);
  if (min === 0 && max === 0) return null;
  if ((max > WEIGHT_MAX && min < 0) || (min < WEIGHT_MIN && max > 0)) {
    arrays = arrays.map((array) => changed(array, (value) => Math.min(Math.max(value, WEIGHT_MIN), WEIGHT_MAX)));
    ({ min, max } = extremes(arrays));
  }
  const mixed = max >= 0 && min < 0;
  const signBit = mixed ? 1 : 0;
  const ratio = mixed ? Math.min(127 / max, -128 / min) : max < 0 ? -256 / min : 255 / max;
  const shift = floorLog2(ratio) + signBit;
  const bits = WEIGHT_BITS - shift - (commonTwos(arrays) - signBit);
  return arrays.map((array, i) => {
    const [outputs, inputs] = matrices[i]!.shape as [number, number];
    // NumPy's shift by a negative count gives 0: single-sign matrices beyond the range vanish
    const factor = shift < 0 ? 0 : 2 ** shift;
    const shifted = changed(array, (value) => value * factor);
    return { weights: truncated(shifted, bits), shift, outputs, inputs };
  });
}

/** The synapse process: clips to eight bits and clears the bits below its precision. */
function truncated(shifted: Int32Array, bits: number): Int32Array {
  const { min, max } = extremes([shifted]);
  const sign = min < 0 && max <= 0 ? -1 : 1;
  const mixed = min < 0 && max > 0;
  const dropped = WEIGHT_BITS - bits + (mixed ? 1 : 0);
  if (dropped < 0) return new Int32Array(shifted.length);
  const least = mixed ? -256 : 0;
  return changed(shifted, (value) => {
    const clipped = Math.min(Math.max(sign * value, least), 255);
    return sign * ((clipped >> dropped) << dropped);
  });
}

/** The activation that one active input of each weight causes alone. */
export function effectiveWeights({ weights, shift }: DenseSynapse): Int32Array {
  const factor = 2 ** -shift;
  return changed(weights, (value) => Math.floor(value * factor));
}

/** True where the activation is the plain sum of the effective weights: no sum is rounded by the shift. */
export function isLinear({ weights, shift }: DenseSynapse): boolean {
  const lost = 2 ** shift - 1;
  return shift <= 0 || weights.every((value) => (value & lost) === 0);
}

/** value shifted right by `shift` bits and rounded down; a negative shift goes left. */
export function shiftDown(value: number, shift: number): number {
  return Math.floor(value * 2 ** -shift);
}
