/** Matrices that Lava's loader spoils, mended: it loads them as they then are, and as little as possible was changed. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadsExactly, repairDense } from "../../../src/exporters/lava/file-rules/repair-dense.ts";
import { type NetArray, netArray } from "../../../src/exporters/lava/net/net-file.ts";

const row = (...values: number[]): NetArray => netArray([1, values.length], values);
const mended = (...values: number[]): number[] | null => {
  const repaired = repairDense([row(...values)]);
  return repaired && [...repaired.matrices[0]!.data];
};

describe("a matrix", () => {
  it.each<[string, number[], number[]]>([
    ["as it should be stays", [254, -2, 0], [254, -2, 0]],
    ["of zeros gets the least there is", [0, 0, 0], [2, 0, 0]],
    ["of inhibition with a power of two gets a weaker extreme", [-128, -4, -90], [-126, -4, -90]],
    ["of inhibition with many extremes gets an excitation instead", [-128, -128, -128, -2], [-128, -128, -128, 2]],
    ["of inhibition and zeros gets an excitation", [-256, 0], [-256, 2]],
    ["beyond the range is clipped", [300, -4], [254, -4]],
    ["of one sign beyond the range is clipped", [300, 4], [254, 4]],
  ])("%s", (_, stored, expected) => expect(mended(...stored)).toEqual(expected));

  it("of any even weights is loaded as it was mended, and left alone when nothing is wrong", () => {
    const weights = fc.array(
      fc.integer({ min: -170, max: 170 }).map((half) => 2 * half),
      { minLength: 1, maxLength: 8 },
    );
    const oneSigned = weights.map((values) => values.map((value) => -Math.abs(value)));
    fc.assert(
      fc.property(fc.oneof(weights, oneSigned), (values) => {
        const stored = [row(...values)];
        const repaired = repairDense(stored);
        expect(repaired).not.toBeNull();
        expect(loadsExactly(repaired!.matrices)).toBe(true);
        expect(repaired!.changes.length === 0).toBe(loadsExactly(stored));
      }),
      { numRuns: 400, seed: 7 },
    );
  });

  it("with a recurrent one beside it is mended so that both load", () => {
    const half = fc.integer({ min: -150, max: 10 }).map((value) => 2 * value);
    const square = fc.array(half, { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(square, square, (forward, recurrent) => {
        const repaired = repairDense([netArray([2, 2], forward), netArray([2, 2], recurrent)]);
        if (repaired) expect(loadsExactly(repaired.matrices)).toBe(true);
        expect(repaired).not.toBeNull();
      }),
      { numRuns: 300, seed: 8 },
    );
  });
});
