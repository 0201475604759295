/** Ticks, intervals and scales of charts. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  formatPercentTick,
  formatTick,
  linearScale,
  roundInterval,
  ticksWithin,
} from "../../src/report/charts/scale.ts";

/** Rounding of a handful of double-precision operations, relative to the numbers involved. */
const ROUNDING = 1e-9;

const finite = fc.double({ min: -1e12, max: 1e12, noNaN: true });
const interval = fc
  .tuple(finite, finite)
  .map(([a, b]): [number, number] => (a < b ? [a, b] : [b, a]))
  .filter(([low, high]) => high - low > 1e-6 * Math.max(1, Math.abs(low), Math.abs(high)));

describe("ticksWithin", () => {
  it.each([
    [[0, 1], 5, false, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [[0, 100], 5, false, [0, 20, 40, 60, 80, 100]],
    [[1, 4], 6, true, [1, 2, 3, 4]],
    [[1, 12], 6, true, [2, 4, 6, 8, 10, 12]],
    [[0.5, 16.5], 8, true, [2, 4, 6, 8, 10, 12, 14, 16]],
    [[3, 3], 5, false, [3]],
  ] as const)("cuts %j into round pieces", ([low, high], count, whole, expected) => {
    const { values } = ticksWithin([low, high], count, whole);
    expect(values).toHaveLength(expected.length);
    values.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i]!, 12);
    });
  });

  it("stays inside, in equal steps of 1, 2 or 5 times a power of ten, and never more than asked for", () => {
    fc.assert(
      fc.property(interval, fc.integer({ min: 3, max: 10 }), ([low, high], count) => {
        const { values, step } = ticksWithin([low, high], count);
        const slack = ROUNDING * Math.max(Math.abs(low), Math.abs(high), step);
        expect(values.length).toBeLessThanOrEqual(count + 1);
        expect(values.length).toBeGreaterThanOrEqual(1);
        for (const value of values) {
          expect(value).toBeGreaterThanOrEqual(low - slack);
          expect(value).toBeLessThanOrEqual(high + slack);
        }
        const leading = step / 10 ** Math.floor(Math.log10(step) + ROUNDING);
        expect([1, 2, 5].some((factor) => Math.abs(leading - factor) < 1e-6)).toBe(true);
      }),
    );
  });

  it("gives whole numbers only when asked to", () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.integer({ min: 1, max: 500 }), (low, span) => {
        expect(ticksWithin([low, low + span], 6, true).values.every(Number.isInteger)).toBe(true);
      }),
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])("refuses %d", (end) => {
    expect(() => ticksWithin([0, end])).toThrow(expect.objectContaining({ code: "VALUE" }));
  });

  it("refuses an interval wider than numbers reach", () => {
    expect(() => ticksWithin([-1.7e308, 1.7e308])).toThrow(/finite/);
  });
});

describe("roundInterval", () => {
  it.each([
    [[], undefined, [0, 1]],
    [[0], undefined, [0, 1]],
    [[0, 0.93], undefined, [0, 1]],
    [[0.62, 0.97], undefined, [0.6, 1]],
    [[0.03, 0.09], 0, [0, 0.1]],
    [[4], 0, [0, 4]],
  ])("widens %j to round ends", (values, from, expected) => {
    const found = roundInterval(values, from);
    expect(found[0]).toBeCloseTo(expected[0]!, 12);
    expect(found[1]).toBeCloseTo(expected[1]!, 12);
  });

  it("holds every value, and has an extent even for one", () => {
    fc.assert(
      fc.property(fc.array(finite, { minLength: 1, maxLength: 20 }), (values) => {
        const [low, high] = roundInterval(values);
        const slack = ROUNDING * Math.max(1, ...values.map(Math.abs));
        expect(low).toBeLessThan(high);
        expect(Math.min(...values)).toBeGreaterThanOrEqual(low - slack);
        expect(Math.max(...values)).toBeLessThanOrEqual(high + slack);
      }),
    );
  });

  it("refuses a value that is not finite", () => {
    expect(() => roundInterval([1, Number.NaN])).toThrow(/finite/);
  });
});

describe("linearScale", () => {
  it("maps ends to ends, also upside down", () => {
    const scale = linearScale([0, 10], [200, 20]);
    expect([scale(0), scale(10), scale(5)]).toEqual([200, 20, 110]);
  });

  it("maps a domain without extent to the middle", () => {
    expect(linearScale([3, 3], [0, 100])(3)).toBe(50);
  });
});

describe("tick texts", () => {
  it.each([
    [0, 0.2, "0"],
    [0.4, 0.2, "0.4"],
    [0.6000000000000001, 0.2, "0.6"],
    [1500, 500, "1500"],
    [0.00002, 0.00001, "2e-5"],
    [3e7, 1e7, "3e7"],
    [-1.5, 0.5, "-1.5"],
  ])("writes %d in steps of %d as %s", (value, step, text) => {
    expect(formatTick(value, step)).toBe(text);
  });

  it("writes shares in percent", () => {
    expect([formatPercentTick(0.975, 0.005), formatPercentTick(1, 0.2), formatPercentTick(0, 0.1)]).toEqual([
      "97.5%",
      "100%",
      "0%",
    ]);
  });
});
