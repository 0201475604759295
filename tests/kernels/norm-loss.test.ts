/** Batch normalisation and softmax cross-entropy against their formulas in double precision. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BufferId, core } from "../../src/kernels/index.ts";
import { bytes, floats, from, noise, read, result, room, worstDifference } from "./buffers.ts";

const EPSILON = 1e-5;
/** Statistics are summed in double precision and rounded once: 2^-24 relative, plus room for the reference's own order. */
const STATISTICS = 1e-6;
/** y and the gradients are three or four float32 operations on numbers of size 1 to 10. */
const RESULTS = 2e-5;

function normLoops(
  rows: number,
  channels: number,
  x: Float32Array,
  weight: Float32Array,
  bias: Float32Array,
  gradY: Float32Array,
) {
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  const y = new Float64Array(x.length);
  const gradX = new Float64Array(x.length);
  const fixedGradX = new Float64Array(x.length);
  const gradWeight = new Float64Array(channels);
  const gradBias = new Float64Array(channels);
  for (let c = 0; c < channels; c++) {
    const at = Array.from({ length: rows }, (_, row) => row * channels + c);
    for (const i of at) mean[c]! += x[i]! / rows;
    for (const i of at) variance[c]! += (x[i]! - mean[c]!) ** 2 / rows;
    const inverse = 1 / Math.sqrt(variance[c]! + EPSILON);
    const normal = (i: number) => (x[i]! - mean[c]!) * inverse;
    for (const i of at) {
      y[i] = normal(i) * weight[c]! + bias[c]!;
      gradBias[c]! += gradY[i]!;
      gradWeight[c]! += gradY[i]! * normal(i);
    }
    for (const i of at) {
      fixedGradX[i] = gradY[i]! * weight[c]! * inverse;
      gradX[i] = (gradY[i]! - gradBias[c]! / rows - (normal(i) * gradWeight[c]!) / rows) * weight[c]! * inverse;
    }
  }
  return { mean, variance, y, gradX, fixedGradX, gradWeight, gradBias };
}

function compareNorm(rows: number, channels: number, offset: number): void {
  const x = noise(rows * channels, 21).map((value) => value + offset);
  const weight = noise(channels, 22);
  const bias = noise(channels, 23);
  const gradY = noise(rows * channels, 24);
  const expected = normLoops(rows, channels, x, weight, bias, gradY);
  const [xs, ws, bs, gs] = [from(x), from(weight), from(bias), from(gradY)];
  const [y, mean, variance, affine] = [x.length, channels, channels, 2 * channels].map(room) as [
    BufferId,
    BufferId,
    BufferId,
    BufferId,
  ];
  core().batchNormTrain(rows, channels, EPSILON, xs, ws, bs, mean, variance, affine);
  core().channelAffine(rows, channels, xs, affine, y);
  const scale = Math.max(1, Math.abs(offset));
  const label = `${rows} rows of ${channels}`;
  expect(worstDifference(read(mean), expected.mean, scale), `mean ${label}`).toBeLessThan(STATISTICS);
  expect(worstDifference(read(variance), expected.variance), `variance ${label}`).toBeLessThan(STATISTICS);
  // The float32 mean alone is off by 2^-24 of the offset, and 1/std of a few equal rows magnifies that.
  const inverse = 1 / Math.sqrt(Math.min(...expected.variance) + EPSILON);
  const tolerance = RESULTS * scale * Math.max(1, inverse) ** 2;
  expect(worstDifference(read(y), expected.y), `y ${label}`).toBeLessThan(tolerance);
  core().batchNormInfer(channels, EPSILON, mean, variance, ws, bs, affine);
  const infer = result(x.length, (out) => core().channelAffine(rows, channels, xs, affine, out));
  expect([...infer]).toEqual([...read(y)]);
  for (const training of [true, false]) {
    const [gradX, gradWeight, gradBias] = [room(x.length), room(channels), room(channels)];
    core().batchNormBackward(
      training,
      rows,
      channels,
      EPSILON,
      xs,
      gs,
      mean,
      variance,
      ws,
      gradX,
      gradWeight,
      gradBias,
    );
    const wanted = training ? expected.gradX : expected.fixedGradX;
    expect(worstDifference(read(gradX), wanted, inverse), `gradX ${label}`).toBeLessThan(tolerance);
    expect(worstDifference(read(gradWeight), expected.gradWeight, rows), `gradWeight ${label}`).toBeLessThan(tolerance);
    expect(worstDifference(read(gradBias), expected.gradBias, rows), `gradBias ${label}`).toBeLessThan(STATISTICS);
  }
}

describe("batch normalisation", () => {
  it("normalises one channel by hand", () => {
    // 1, 2, 3: mean 2, biased variance 2/3; with weight 2 and bias 1 the ends are 1 -+ 2 * sqrt(3/2).
    const [mean, variance, affine, x] = [room(1), room(1), room(2), floats([1, 2, 3])];
    core().batchNormTrain(3, 1, 0, x, floats([2]), floats([1]), mean, variance, affine);
    const y = result(3, (out) => core().channelAffine(3, 1, x, affine, out));
    expect([...read(mean), ...read(variance)]).toEqual([2, Math.fround(2 / 3)]);
    expect(worstDifference(y, [1 - Math.sqrt(6), 1, 1 + Math.sqrt(6)])).toBeLessThan(RESULTS);
  });

  it("agrees with its formula for any rows and channels, forward and backward", () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 300 }), fc.integer({ min: 1, max: 70 }), (rows, channels) =>
        compareNorm(rows, channels, 0),
      ),
      { numRuns: 60 },
    );
    for (const [rows, channels] of [
      [50_000, 1],
      [9_001, 16],
      [999, 130],
    ] as const) {
      compareNorm(rows, channels, 0);
    }
  });

  it("keeps the variance when the mean is a thousand times larger", () => compareNorm(5_000, 5, 1000));

  it("does without weight and bias, and writes only what is wanted", () => {
    const x = noise(64, 25);
    const ones = floats(new Array(4).fill(1));
    const zeros = floats(new Array(4).fill(0));
    const [mean, variance] = [room(4), room(4)];
    const plain = result(8, (affine) => core().batchNormTrain(16, 4, EPSILON, from(x), 0, 0, mean, variance, affine));
    const withOnes = result(8, (affine) =>
      core().batchNormTrain(16, 4, EPSILON, from(x), ones, zeros, mean, variance, affine),
    );
    expect([...plain]).toEqual([...withOnes]);
    const gradBias = room(4);
    core().batchNormBackward(true, 16, 4, EPSILON, from(x), from(x), mean, variance, 0, 0, 0, gradBias);
    expect(read(gradBias).every(Number.isFinite)).toBe(true);
  });

  it("refuses the statistics of nothing", () => {
    const x = bytes(0);
    expect(() => core().batchNormTrain(0, 3, EPSILON, x, 0, 0, x, room(3), room(3))).toThrow(/at least one row/);
  });
});

describe("softmax cross-entropy", () => {
  function loops(rows: number, classes: number, logits: Float32Array, labels: Int32Array) {
    const grad = new Float64Array(logits.length);
    let loss = 0;
    for (let row = 0; row < rows; row++) {
      const line = logits.subarray(row * classes, (row + 1) * classes);
      const highest = Math.max(...line);
      const sum = line.reduce((total, value) => total + Math.exp(value - highest), 0);
      loss += (Math.log(sum) - (line[labels[row]!]! - highest)) / rows;
      line.forEach((value, c) => {
        grad[row * classes + c] = (Math.exp(value - highest) / sum - (c === labels[row] ? 1 : 0)) / rows;
      });
    }
    return { loss, grad };
  }

  function crossEntropy(rows: number, classes: number, logits: BufferId, labels: BufferId, grad: BufferId): number {
    const loss = room(1);
    core().softmaxCrossEntropy(rows, classes, logits, labels, loss, grad);
    return read(loss)[0]!;
  }

  it("is log(classes) for equal logits", () => {
    const labels = from(Int32Array.of(2));
    const grad = room(4);
    expect(crossEntropy(1, 4, floats([7, 7, 7, 7]), labels, grad)).toBe(Math.fround(Math.log(4)));
    expect([...read(grad)]).toEqual([0.25, 0.25, -0.75, 0.25]);
  });

  it("agrees with its formula, also for logits that would overflow", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom(1, 100, 1e30),
        (rows, classes, scale) => {
          const logits = noise(rows * classes, 31).map((value) => value * scale);
          const labels = Int32Array.from({ length: rows }, (_, row) => (row * 7) % classes);
          const expected = loops(rows, classes, logits, labels);
          const grad = room(logits.length);
          const loss = crossEntropy(rows, classes, from(logits), from(labels), grad);
          // Everything is computed in double precision on both sides, and rounded to float32 at the end.
          expect(Math.abs(loss - expected.loss)).toBeLessThanOrEqual(2 ** -24 * Math.max(1, expected.loss) * 1.0001);
          expect(worstDifference(read(grad), expected.grad)).toBeLessThan(2 ** -23);
          expect(crossEntropy(rows, classes, from(logits), from(labels), 0)).toBe(loss);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("is NaN when a logit is NaN", () => {
    expect(crossEntropy(1, 3, floats([0, Number.NaN, 0]), from(Int32Array.of(0)), 0)).toBeNaN();
    expect(crossEntropy(1, 3, floats([Number.NaN, 1, 0]), from(Int32Array.of(1)), 0)).toBeNaN();
  });

  it("names the row of a label that is no class", () => {
    for (const wrong of [3, -1]) {
      expect(() => crossEntropy(2, 3, floats(noise(6)), from(Int32Array.of(0, wrong)), 0)).toThrow(
        `labels from 0 to 2, got ${wrong} in row 1`,
      );
    }
  });
});
