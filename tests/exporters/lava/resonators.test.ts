/** Resonators: what becomes of their decays on the way into Lava, and how they turn, fire and are reset. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { angleOf, cosine, sine } from "../../../src/exporters/lava/chip/neurons/correct-rounding.ts";
import { dependsOnMachine, loadedDecays, sturdyDecay } from "../../../src/exporters/lava/chip/neurons/index.ts";
import { netArray, scalar } from "../../../src/exporters/lava/net/net-file.ts";
import { simulate } from "../../../src/exporters/lava/simulate.ts";
import { resonators } from "./small-nets.ts";

/** JavaScript's own functions are at most a last bit off. */
const LAST_BIT = 2 ** -52;
const decay = fc.integer({ min: -2800, max: 2800 });

describe("correctly rounded functions", () => {
  it("lie within a last bit of JavaScript's", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-9, max: 3.2, noNaN: true }), fc.constantFrom(1, -1), (size, sign) => {
        const x = size * sign;
        expect(Math.abs(sine(x) - Math.sin(x))).toBeLessThanOrEqual(LAST_BIT * Math.abs(Math.sin(x)));
        expect(Math.abs(cosine(x) - Math.cos(x))).toBeLessThanOrEqual(LAST_BIT * Math.abs(Math.cos(x)));
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it("give the angles of points in every direction", () => {
    fc.assert(
      fc.property(decay, decay, (y, x) => {
        const near = Math.atan2(y, x);
        expect(Math.abs(angleOf(y, x) - near)).toBeLessThanOrEqual(LAST_BIT * Math.abs(near));
      }),
      { numRuns: 300, seed: 2 },
    );
  });

  // computed with 200 bits by mpmath and rounded
  it("round where JavaScript's do not always", () => {
    expect(sine(Math.PI)).toBe(1.2246467991473532e-16);
    expect(cosine(Math.PI / 2)).toBe(6.123233995736766e-17);
    expect(sine(0)).toBe(0);
    expect(cosine(0)).toBe(1);
  });
});

describe("decays of a file", () => {
  it("come back as they are or one nearer to zero", () => {
    let lower = 0;
    fc.assert(
      fc.property(decay, decay, (s, c) => {
        const loaded = loadedDecays({ sine: s, cosine: c });
        for (const [there, back] of [
          [s, loaded.sine],
          [c, loaded.cosine],
        ] as const) {
          expect([0, 1]).toContain(Math.abs(there) - Math.abs(back));
          if (there !== back) lower++;
        }
      }),
      { numRuns: 500, seed: 3 },
    );
    expect(lower).toBeGreaterThan(0);
  });

  it("come back as they are when they were written half a step further out", () => {
    fc.assert(
      fc.property(decay, decay, (s, c) => {
        const file = { sine: sturdyDecay(s), cosine: sturdyDecay(c) };
        expect(loadedDecays(file)).toEqual({ sine: s, cosine: c });
        expect(dependsOnMachine(file)).toBe(false);
      }),
      { numRuns: 500, seed: 4 },
    );
  });

  it("of whole numbers depend on the machine, except on the axes", () => {
    expect(dependsOnMachine({ sine: 400, cosine: 3900 })).toBe(true);
    expect(dependsOnMachine({ sine: 0, cosine: 3900 })).toBe(false);
    expect(loadedDecays({ sine: 0, cosine: -3900 })).toEqual({ sine: 0, cosine: -3900 });
    expect(loadedDecays({ sine: 0, cosine: 0 })).toEqual({ sine: 0, cosine: 0 });
  });
});

it("decays next to nothing, or both nothing, are loaded as 0", () => {
  expect(loadedDecays({ sine: 5e-324, cosine: 0 })).toEqual({ sine: 0, cosine: 0 });
  expect(loadedDecays({ sine: 5e-324, cosine: -5e-324 })).toEqual({ sine: 0, cosine: 0 });
});

/** A quarter turn in each step without loss: sine decay 4096. */
const quarter = { sinDecay: scalar(4096), cosDecay: scalar(0) };
const pulse = { shape: [6, 1, 2], data: Int32Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) };

describe("a resonator", () => {
  it("fires when it comes around to the positive real axis, and is not reset", () => {
    const net = { ...resonators({ ...quarter, vThMant: 1 }) };
    const { output } = simulate(net, pulse, { record: "raw" });
    // neuron 0 starts at 2 + 2i, turns to -2 + 2i, -2 - 2i and 2 - 2i, and crosses the axis with the fourth quarter
    const spikes = [...output.data].filter((_, i) => i % 2 === 0);
    expect(spikes).toEqual([0, 0, 0, 0, 0, 1, 0]);
  });

  it("of Izhikevich's kind fires at the threshold of its imaginary part and goes on from just below it", () => {
    const net = resonators({ ...quarter, type: "RF_IZHIKEVICH", vThMant: 2 });
    const { output } = simulate(net, pulse, { record: "raw" });
    const spikes = [...output.data].filter((_, i) => i % 2 === 0);
    // fires with the pulse itself (im = 128 >= 128), then turns on from 0 + 127i
    expect(spikes).toEqual([0, 1, 0, 0, 0, 0, 0]);
  });

  it("reports voltages that leave 24 bits", () => {
    const net = { ...resonators(quarter), layers: [...resonators(quarter).layers] };
    net.layers[1] = { ...net.layers[1]!, weight: netArray([2, 2], [250, 250, 250, -250]) } as never;
    const input = { shape: [3, 1, 2], data: Int32Array.of(900, 0, 0, 0, 0, 0) };
    const { events } = simulate(net, input, { inputMessageBits: 16 });
    expect(events.map(({ rule }) => rule)).toContain("loihi/voltage-saturated");
  });
});
