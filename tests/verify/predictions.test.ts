/** The comparison of answers: ties, agreement, accuracy, confusion. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareRuns, confusionMatrix } from "../../src/verify/index.ts";

const rates = (...rows: number[][]) => Float32Array.from(rows.flat());

describe("compareRuns", () => {
  it("lets the first class win a tie on both sides and counts the ties", () => {
    const run = compareRuns(rates([0.5, 0.5, 0], [0, 1, 1]), rates([0.5, 0.25, 0.5], [0, 1, 0.5]), [0, 1]);
    expect(run).toMatchObject({ agreeing: 2, trainedTies: 2, chipTies: 1, trainedCorrect: 2, chipCorrect: 2 });
  });

  it("does not count a tie below the largest rate", () => {
    expect(compareRuns(rates([0.2, 0.2, 0.5]), rates([0.2, 0.2, 0.5]), [2])).toMatchObject({
      trainedTies: 0,
      chipTies: 0,
    });
  });

  it("gives accuracy on both sides, agreement and the first sample on which they part", () => {
    const run = compareRuns(rates([1, 0], [0, 1], [1, 0]), rates([1, 0], [1, 0], [0, 1]), [0, 1, 1]);
    expect(run).toEqual({
      samples: 3,
      classes: 2,
      agreeing: 1,
      agreement: 1 / 3,
      trainedCorrect: 2,
      chipCorrect: 2,
      trainedAccuracy: 2 / 3,
      chipAccuracy: 2 / 3,
      trainedTies: 0,
      chipTies: 0,
      equalRates: 1,
      largestRateDifference: 1,
      firstDisagreement: { sample: 1, label: 1, trained: 1, chip: 0 },
    });
  });

  it("agrees with itself wholly and exchanges the sides' figures when the sides are exchanged", () => {
    const run = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 4 })).chain(([samples, classes]) => {
      const size = samples * classes;
      const side = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: size, maxLength: size });
      const labels = fc.array(fc.integer({ min: 0, max: classes - 1 }), { minLength: samples, maxLength: samples });
      return fc.tuple(side, side, labels);
    });
    fc.assert(
      fc.property(run, ([ours, theirs, labels]) => {
        const [a, b] = [Float32Array.from(ours, (n) => n / 4), Float32Array.from(theirs, (n) => n / 4)];
        expect(compareRuns(a, a, labels)).toMatchObject({
          agreement: 1,
          equalRates: labels.length,
          firstDisagreement: null,
        });
        const [there, back] = [compareRuns(a, b, labels), compareRuns(b, a, labels)];
        expect(back).toMatchObject({
          agreeing: there.agreeing,
          trainedCorrect: there.chipCorrect,
          chipTies: there.trainedTies,
        });
      }),
    );
  });

  it.each([
    ["no samples", rates(), rates(), [], "SHAPE"],
    ["sides of different size", rates([1, 0]), rates([1]), [0], "SHAPE"],
    ["rates that do not divide by samples", rates([1, 0, 1]), rates([1, 0, 1]), [0, 1], "SHAPE"],
    ["a rate that is no number", rates([1, Number.NaN]), rates([1, 0]), [0], "VALUE"],
    ["a label that is no class", rates([1, 0]), rates([1, 0]), [2], "VALUE"],
  ])("refuses %s", (_what, ours, theirs, labels, code) => {
    expect(() => compareRuns(ours, theirs, labels)).toThrow(expect.objectContaining({ code }));
  });
});

describe("confusionMatrix", () => {
  it("counts each label in its row under the class that was named", () => {
    expect(confusionMatrix(rates([1, 0], [0, 1], [1, 0], [1, 1]), [0, 1, 1, 1])).toEqual([
      [1, 0],
      [2, 1],
    ]);
  });
});
