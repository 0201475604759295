/** Where CubaLIFNode fires by each reference, as a whole number on the grid. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseNeuronOptions, REFERENCES, type Reference, variantOf } from "../../../src/model/neurons/index.ts";

function limitOf(reference: Reference, vThreshold: number, scale: number): number {
  const options = parseNeuronOptions("CubaLIFNode", { currentDecay: 1, voltageDecay: 0, vThreshold, scale, reference });
  const { params, paramNames } = variantOf("CubaLIFNode", options);
  return params[paramNames.indexOf("thresholdGrid")]!;
}

describe("the grid number above which CubaLIFNode fires", () => {
  test("is the threshold on the chip, and what float32 compares with in the frameworks", () => {
    const scales = fc.constantFrom(16, 64, 100, 256, 1000);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 131071 }), scales, (steps, scale) => {
        const threshold = steps / scale;
        const grid = 64 * scale;
        const cut = Math.trunc(threshold * scale) / scale;
        expect(limitOf("chip", threshold, scale)).toBe(Math.floor(cut * grid + 0.01));
        for (const [reference, compared] of [["slayer", cut] as const, ["spikingjelly", threshold] as const]) {
          const limit = limitOf(reference, threshold, scale);
          const fires = (i: number) => Math.fround(i / Math.fround(grid)) >= Math.fround(compared + 0.01 / grid);
          expect([fires(limit), fires(limit + 1)]).toEqual([false, true]);
        }
      }),
    );
  });

  test("is one less in the frameworks from 4096 weight steps on, where they fire at equality", () => {
    expect(REFERENCES.map((reference) => limitOf(reference, 4096 / 64, 64))).toEqual([262144, 262143, 262143]);
    expect(REFERENCES.map((reference) => limitOf(reference, 4095 / 64, 64))).toEqual([262080, 262080, 262080]);
  });

  test("is found at once for a threshold that no voltage reaches", () => {
    expect(limitOf("slayer", 1e30, 64)).toBe(1e30 * 4096);
  });
});
