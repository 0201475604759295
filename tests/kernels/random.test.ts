/** The native generator: Random123's known answers, and word for word the stream of core/random.ts. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { philox } from "../../src/core/index.ts";
import { core } from "../../src/kernels/index.ts";
import { floats, noise, result, worstDifference } from "./buffers.ts";

type Four = [number, number, number, number];

/** `kat_vectors` of Random123 (D. E. Shaw Research), philox4x32 with 10 rounds. */
const knownAnswers: { counter: Four; key: [number, number]; words: Four }[] = [
  { counter: [0, 0, 0, 0], key: [0, 0], words: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    words: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    words: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
];

/** Word `n` of a stream, by core/random.ts. */
function word(seed: number, stream: number, n: number): number {
  const block = Math.floor(n / 4);
  return philox([block >>> 0, Math.floor(block / 2 ** 32), stream, 0], [seed, 0])[n % 4]!;
}

const uniformOf = (value: number) => (value >>> 8) * 2 ** -24;
const u32 = fc.integer({ min: 0, max: 0xffffffff });
/** Streams begin anywhere, also beyond 32-bit block numbers and in the middle of a block. */
const place = fc.record({
  seed: u32,
  stream: u32,
  position: fc.oneof(fc.nat(100), fc.integer({ min: 0, max: 2 ** 50 })),
});

describe("Philox4x32-10", () => {
  it("gives the known answers of Random123", () => {
    for (const { counter, key, words } of knownAnswers) expect(philox(counter, key)).toEqual(words);
  });

  it("gives the known answer natively too, where counter and key are a stream's", () => {
    const zero = result(4, (out) => core().randomUniform(0, 0, 0, out, 4));
    expect([...zero]).toEqual(knownAnswers[0]!.words.map(uniformOf));
  });

  it("makes the same uniform numbers natively as core/random.ts, at any place", () => {
    fc.assert(
      fc.property(place, fc.integer({ min: 1, max: 50 }), ({ seed, stream, position }, count) => {
        const got = result(count, (out) => core().randomUniform(seed, stream, position, out, count));
        expect([...got]).toEqual(Array.from({ length: count }, (_, i) => uniformOf(word(seed, stream, position + i))));
      }),
    );
  });

  it("does not depend on where a stream is cut", () => {
    const count = 50_000;
    const whole = result(count, (out) => core().randomUniform(7, 3, 0, out, count));
    for (const cut of [1, 1023, 1024, 1025, 33_333]) {
      const rest = result(count - cut, (out) => core().randomUniform(7, 3, cut, out, count - cut));
      expect(worstDifference(rest, whole.subarray(cut))).toBe(0);
    }
  });
});

describe("normal numbers", () => {
  it("are Box and Muller's of two words each", () => {
    fc.assert(
      fc.property(place, fc.integer({ min: 1, max: 700 }), ({ seed, stream, position }, count) => {
        const got = result(count, (out) => core().randomNormal(seed, stream, position, out, count));
        const expected = Array.from({ length: count }, (_, i) => {
          const u = (word(seed, stream, position + 2 * i) + 1) * 2 ** -32;
          const v = word(seed, stream, position + 2 * i + 1) * 2 ** -32;
          return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
        });
        // Double precision on both sides, numbers up to 6.7: one rounding to float32.
        expect(worstDifference(got, expected)).toBeLessThanOrEqual(8 * 2 ** -24);
      }),
      { numRuns: 30 },
    );
  });

  it("have mean 0, variance 1 and the right share beyond two deviations", () => {
    const count = 1_000_000;
    const values = result(count, (out) => core().randomNormal(1, 1, 0, out, count));
    const mean = values.reduce((sum, x) => sum + x, 0) / count;
    const variance = values.reduce((sum, x) => sum + x * x, 0) / count;
    const beyond = values.reduce((sum, x) => sum + (Math.abs(x) > 2 ? 1 : 0), 0) / count;
    // Five standard errors: 1e-3 for the mean, 1.4e-3 for the variance, 2.1e-4 for the share of 4.55%.
    expect(Math.abs(mean)).toBeLessThan(5e-3);
    expect(Math.abs(variance - 1)).toBeLessThan(7e-3);
    expect(Math.abs(beyond - 0.0455)).toBeLessThan(1.1e-3);
  });
});

describe("Bernoulli numbers", () => {
  it("are 1 where the uniform number of the same place is below the probability", () => {
    const count = 40_000;
    const probability = noise(count, 61).map(Math.abs);
    const spikes = result(count, (out) => core().randomBernoulli(9, 2, 5, floats(probability), out, count));
    const uniform = result(count, (out) => core().randomUniform(9, 2, 5, out, count));
    expect(spikes.every((spike, i) => spike === (uniform[i]! < probability[i]! ? 1 : 0))).toBe(true);
    const sure = result(4, (out) => core().randomBernoulli(9, 2, 0, floats([0, 1, 0, 1]), out, 4));
    expect([...sure]).toEqual([0, 1, 0, 1]);
  });

  it("refuses seeds beyond 32 bits", () => {
    expect(() => core().randomUniform(2 ** 32, 0, 0, floats([0]), 1)).toThrow(/seed and stream from 0 to 4294967295/);
  });
});
