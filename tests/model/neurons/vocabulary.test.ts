/**
 * The contract of the words: what every target must agree on at ties, zeros, truncation, rounding and the ends of a
 * register.
 */
import { f16round as float16, getFloat16 as readFloat16 } from "@petamoriken/float16";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { interpretForward, parseNeuronOptions, variantOf } from "../../../src/model/neurons/index.ts";
import { numberWords, roundEven } from "../../../src/model/neurons/targets/number.ts";
import { nativeForward } from "./native-scan.ts";

/** The float16 number with these bits. */
function getFloat16(bits: number): number {
  const view = new DataView(new ArrayBuffer(2));
  view.setUint16(0, bits);
  return readFloat16(view, 0);
}

const real = numberWords("float32");
const half = numberWords("half");
const chip = numberWords("chip");

describe("words over numbers", () => {
  test("spike compares as it is told at equality", () => {
    expect(real.spike({ value: 1, threshold: 1, strict: false })).toBe(1);
    expect(real.spike({ value: 1, threshold: 1, strict: true })).toBe(0);
    expect(real.spike({ value: Number.NaN, threshold: 1, strict: false })).toBe(0);
  });

  test("each real result is rounded once to its format", () => {
    expect(real.add(1, 2 ** -25)).toBe(1);
    expect(half.add(2048, 1)).toBe(2048);
    expect(half.mul(256, 256)).toBe(Number.POSITIVE_INFINITY);
    expect(half.constant(0.1)).toBe(0.0999755859375);
  });

  test("toGrid and decayFixed cut toward zero on both sides", () => {
    expect([1.9, -1.9, 0.4].map((x) => real.toGrid(x, 1))).toEqual([1, -1, 0]);
    expect([3, -3, 4096, -4097].map((i) => real.decayFixed(i, 2048))).toEqual([1, -1, 2048, -2048]);
    expect([0, 4096].map((decay) => real.decayFixed(12345, decay))).toEqual([12345, 0]);
  });

  test("decayFixed equals the 64-bit integer product shifted toward zero, up to 2^40", () => {
    const state = fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n });
    fc.assert(
      fc.property(state, fc.integer({ min: 0, max: 4096 }), (value, decay) => {
        expect(real.decayFixed(Number(value), decay) + 0).toBe(Number((value * BigInt(4096 - decay)) / 4096n) + 0);
      }),
    );
  });

  test("throughReal loses what float32 cannot hold in training, and nothing on the chip", () => {
    expect(real.throughReal(2 ** 24 + 1, 4096)).toBe(2 ** 24);
    expect(chip.throughReal(2 ** 24 + 1, 4096)).toBe(2 ** 24 + 1);
    expect(real.throughReal(12345, 4096)).toBe(12345);
  });

  test("bound wraps and saturates 24 bits on the chip only", () => {
    const limit = 2 ** 23;
    expect([limit, limit + 1, -limit, 1 - limit].map((i) => chip.bound(i, "wrap"))).toEqual([
      limit,
      1 - limit,
      limit,
      1 - limit,
    ]);
    expect([limit, -limit, 5].map((i) => chip.bound(i, "saturate"))).toEqual([limit - 1, 1 - limit, 5]);
    expect(real.bound(2 ** 30, "wrap")).toBe(2 ** 30);
  });

  test("gate gives 0, not -0, where it is closed", () => {
    expect(Object.is(real.gate(-5, 0), 0)).toBe(true);
    expect(real.gate(-5, 1)).toBe(-5);
  });

  test("roundEven takes halves to the even side", () => {
    expect([0.5, 1.5, 2.5, -0.5, -1.5, 2.4999, 1364.5, 101.5].map(roundEven)).toEqual([0, 2, 2, -0, -2, 2, 1364, 102]);
  });
});

describe("float16 in the native core", () => {
  const variant = variantOf("IFNode", parseNeuronOptions("IFNode", { vThreshold: 1e9 }), "half");
  // Adding -0 changes nothing, not even the sign of a zero.
  const start = (x: Float32Array) => ({ v: new Float32Array(x.length).fill(-0) });
  const rounded = (x: Float32Array) => nativeForward(variant, 1, x, start(x)).saved.charged!;

  test("keeps every float16 number as it is", () => {
    const all = Float32Array.from({ length: 65536 }, (_, bits) => getFloat16(bits)).filter(
      (value) => !Number.isNaN(value),
    );
    expect(rounded(all).every((value, i) => value === all[i])).toBe(true);
  });

  test("rounds the middle between two neighbours to even, and what lies beside it to the nearer", () => {
    const middles: number[] = [];
    for (let bits = 0; bits < 0x7bff; bits++) middles.push((getFloat16(bits) + getFloat16(bits + 1)) / 2);
    const x = Float32Array.from(
      middles.flatMap((middle) => [middle, middle * (1 + 2 ** -20), middle * (1 - 2 ** -20), -middle]),
    );
    expect(rounded(x)).toEqual(x.map(float16));
  });

  test("rounds any float32 as the definition does", () => {
    fc.assert(
      fc.property(fc.array(fc.float(), { minLength: 1, maxLength: 200 }), (values) => {
        const x = Float32Array.from(values);
        const options = parseNeuronOptions("IFNode", { vThreshold: 1e9 });
        expect(rounded(x)).toEqual(interpretForward(variant, options, 1, x, start(x)).saved.charged);
      }),
    );
  });
});
