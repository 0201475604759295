/**
 * Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011).
 * The n-th number of a stream depends only on (seed, stream, n), so results do not depend on threads or on the device.
 * The native core holds the same generator; `tests/core/random.test.ts` compares both with the paper's known answers.
 */
import { fail } from "./errors.ts";

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;

function multiplyHigh(a: number, b: number): number {
  return Number((BigInt(a >>> 0) * BigInt(b >>> 0)) >> 32n) >>> 0;
}

/** One Philox4x32-10 block: four 32-bit words from a 128-bit counter and a 64-bit key. */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0) >>> 0;
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low1 = Math.imul(MULTIPLIER_1, c2) >>> 0;
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** What has to be stored to continue a stream exactly where it stood. `position` counts 32-bit words. */
export interface RandomState {
  seed: number;
  stream: number;
  position: number;
}

/** A stream of random numbers. Tensors are filled by the native core, which reads `take()`. */
export class RandomStream {
  #position = 0;

  /** `seed` and `stream`: whole numbers, 0 to 2^32-1. Different streams of one seed are independent. */
  constructor(
    readonly seed: number,
    readonly stream = 0,
  ) {
    for (const [name, value] of Object.entries({ seed, stream })) {
      if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
        fail("OPTION", { where: `random ${name}`, expected: "a whole number from 0 to 4294967295", got: `${value}` });
      }
    }
  }

  get state(): RandomState {
    return { seed: this.seed, stream: this.stream, position: this.#position };
  }

  static fromState(state: RandomState): RandomStream {
    const stream = new RandomStream(state.seed, state.stream);
    stream.#position = state.position;
    return stream;
  }

  /** Reserves `count` words (rounded up to whole blocks of four) and returns the index of the first. */
  take(count: number): number {
    const first = this.#position;
    this.#position += Math.ceil(count / 4) * 4;
    return first;
  }

  /** A float in [0, 1) with 24 random bits, as the native `uniform` makes it. */
  uniform(): number {
    const block = Math.floor(this.take(1) / 4);
    const word = philox([block >>> 0, Math.floor(block / 2 ** 32), this.stream, 0], [this.seed, 0])[0];
    return (word >>> 8) * 2 ** -24;
  }

  /** A whole number from 0 to `below` - 1, for shuffling. */
  integer(below: number): number {
    return Math.floor(this.uniform() * below);
  }

  /** The numbers 0 to `count` - 1 in random order (Fisher and Yates). */
  permutation(count: number): Int32Array {
    const order = Int32Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const kept = order[i]!;
      order[i] = order[j]!;
      order[j] = kept;
    }
    return order;
  }
}
