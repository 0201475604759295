/** Learning-rate schedules against values worked out by hand and PyTorch's closed forms. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseWith } from "../../src/core/index.ts";
import { learningRateAt, type ScheduleConfig, scheduleSchema } from "../../src/train/schedules.ts";
import { errorOf } from "../error-of.ts";

/** Rounding of a few double operations, relative to rates below 1. */
const DOUBLE_ROUNDING = 1e-15;

const rates = (schedule: ScheduleConfig, epochs: number[], total = 10): number[] =>
  epochs.map((epoch) => learningRateAt(schedule, 0.8, epoch, total));

describe("learningRateAt", () => {
  it("keeps a constant rate", () => {
    expect(rates({ kind: "constant" }, [0, 3, 9])).toEqual([0.8, 0.8, 0.8]);
  });

  it("multiplies by gamma after every stepSize epochs", () => {
    expect(rates({ kind: "step", stepSize: 2, gamma: 0.5 }, [0, 1, 1.9, 2, 3, 4])).toEqual([
      0.8, 0.8, 0.8, 0.4, 0.4, 0.2,
    ]);
    expect(learningRateAt({ kind: "step", stepSize: 1 }, 1, 1, 10)).toBe(0.1);
  });

  it("follows half a cosine to the minimum, over the whole training if tMax is not given", () => {
    const [start, quarter, half, end] = rates({ kind: "cosine", minimum: 0.2 }, [0, 2.5, 5, 10]);
    expect(start).toBe(0.8);
    expect(quarter).toBeCloseTo(0.2 + 0.3 * (1 + Math.SQRT1_2), 12);
    expect(Math.abs(half! - 0.5)).toBeLessThan(DOUBLE_ROUNDING);
    expect(Math.abs(end! - 0.2)).toBeLessThan(DOUBLE_ROUNDING);
    expect(Math.abs(learningRateAt({ kind: "cosine", tMax: 4 }, 1, 4, 100))).toBeLessThan(DOUBLE_ROUNDING);
  });

  it("rises linearly first when there is a warm-up, then begins the schedule", () => {
    const schedule: ScheduleConfig = { kind: "cosine", warmup: 2, warmupStart: 0.5 };
    expect(rates(schedule, [0, 1, 2])).toEqual([0.4, 0.8 * 0.75, 0.8]);
    expect(Math.abs(rates(schedule, [10])[0]!)).toBeLessThan(DOUBLE_ROUNDING);
    expect(rates({ kind: "step", stepSize: 1, gamma: 0.5, warmup: 2 }, [2, 3])).toEqual([0.8, 0.4]);
  });

  it("never leaves the range from minimum to the full rate within the training", () => {
    const schedule = fc.oneof(
      fc.record({
        kind: fc.constant("cosine" as const),
        minimum: fc.double({ min: 0, max: 0.1, noNaN: true }),
        warmup: fc.nat(5),
      }),
      fc.record({
        kind: fc.constant("step" as const),
        stepSize: fc.integer({ min: 1, max: 9 }),
        gamma: fc.constant(0.3),
      }),
    );
    fc.assert(
      fc.property(schedule, fc.double({ min: 0, max: 20, noNaN: true }), (config, epoch) => {
        const rate = learningRateAt(config, 0.8, epoch, 20);
        const least = "minimum" in config ? Math.min(config.minimum, 0.08) : 0;
        expect(rate).toBeGreaterThanOrEqual(least - DOUBLE_ROUNDING);
        expect(rate).toBeLessThanOrEqual(0.8 + DOUBLE_ROUNDING);
      }),
    );
  });
});

describe("the config", () => {
  it("refuses unknown fields and values out of range", () => {
    const parse = (config: object) => errorOf(() => parseWith(scheduleSchema, config, "schedule")).message;
    expect(parse({ kind: "step", stepSize: 0 })).toContain("stepSize");
    expect(parse({ kind: "cosine", tmax: 3 })).toContain("tmax");
    expect(parse({ kind: "linear" })).toContain("kind");
  });
});
