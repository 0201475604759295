import { describe, expect, it } from "vitest";
import { batchNorm, scope, Tensor } from "../../../src/tensor/index.ts";
import { expectClose, expectGradients, expectSameInEveryLayout, randomNumbers, values } from "../gradient.ts";

/** Statistics of a hundred float32 numbers against double precision. */
const TOLERANCE = 1e-5;
const CHANNELS = 3;

/** Runs batch norm with running statistics that are made for this call only. */
function normalize(training: boolean, momentum = 0.1) {
  return (x: Tensor, weight?: Tensor, bias?: Tensor) =>
    scope(() =>
      batchNorm(x, {
        runningMean: Tensor.from([0.5, -1, 2], [CHANNELS]),
        runningVar: Tensor.from([2, 0.5, 1], [CHANNELS]),
        weight: weight ?? null,
        bias: bias ?? null,
        training,
        momentum,
      }),
    );
}

const affine = [
  { shape: [CHANNELS], data: [1.5, -0.5, 2] },
  { shape: [CHANNELS], data: [0.25, 1, -1] },
];
const SHAPES: [number[], number][] = [
  [[6, CHANNELS], 0],
  [[2, CHANNELS, 5], 1],
  [[2, CHANNELS, 3, 2], 2],
  [[2, CHANNELS, 2, 2, 2], 3],
];

/** Mean and biased variance of one channel. */
function statistics(data: Float32Array, shape: number[], channel: number) {
  const pixels = shape.slice(2).reduce((a, b) => a * b, 1);
  const members = [...data].filter((_, i) => Math.floor(i / pixels) % CHANNELS === channel);
  const mean = members.reduce((a, b) => a + b, 0) / members.length;
  const variance = members.reduce((a, b) => a + (b - mean) ** 2, 0) / members.length;
  return { mean, variance, count: members.length };
}

describe("batch normalisation", () => {
  it.each(SHAPES)("normalizes %j by the statistics of the batch", (shape, spatial) => {
    const data = randomNumbers(shape.reduce((a, b) => a * b, 1));
    const pixels = shape.slice(2).reduce((a, b) => a * b, 1);
    const expected = [...data].map((x, i) => {
      const channel = Math.floor(i / pixels) % CHANNELS;
      const { mean, variance } = statistics(data, shape, channel);
      return ((x - mean) / Math.sqrt(variance + 1e-5)) * affine[0]!.data[channel]! + affine[1]!.data[channel]!;
    });
    expectClose(values(normalize(true), { shape, spatial, data }, ...affine).data, expected, TOLERANCE);
  });

  it.each(SHAPES)("normalizes %j by the running statistics in evaluation mode", (shape, spatial) => {
    const data = randomNumbers(shape.reduce((a, b) => a * b, 1));
    const pixels = shape.slice(2).reduce((a, b) => a * b, 1);
    const [means, variances] = [
      [0.5, -1, 2],
      [2, 0.5, 1],
    ];
    const expected = [...data].map((x, i) => {
      const channel = Math.floor(i / pixels) % CHANNELS;
      return (x - means![channel]!) / Math.sqrt(variances![channel]! + 1e-5);
    });
    expectClose(values(normalize(false), { shape, spatial, data }).data, expected, TOLERANCE);
  });

  it.each(SHAPES)("has the gradient of its finite differences on %j", (shape, spatial) => {
    for (const training of [true, false]) {
      expectGradients(normalize(training), [{ shape, spatial }, ...affine]);
      expectGradients((x) => normalize(training)(x!), [{ shape, spatial }]);
    }
  });

  it("gives the same in every layout", () => {
    for (const training of [true, false]) {
      expectSameInEveryLayout(normalize(training), [{ shape: [2, CHANNELS, 4, 2], spatial: 2 }, ...affine]);
    }
  });

  it("mixes the batch into the running statistics, the variance unbiased", () => {
    scope(() => {
      const shape = [4, CHANNELS, 2, 2];
      const data = randomNumbers(48);
      const runningMean = Tensor.from([0.5, -1, 2], [CHANNELS]);
      const runningVar = Tensor.from([2, 0.5, 1], [CHANNELS]);
      batchNorm(Tensor.from(data, shape), { runningMean, runningVar, training: true, momentum: 0.3 });
      const batch = [0, 1, 2].map((channel) => statistics(data, shape, channel));
      const means = batch.map(({ mean }, c) => 0.7 * [0.5, -1, 2][c]! + 0.3 * mean);
      const variances = batch.map(
        ({ variance, count }, c) => 0.7 * [2, 0.5, 1][c]! + (0.3 * variance * count) / (count - 1),
      );
      expectClose(runningMean.toArray(), means, TOLERANCE);
      expectClose(runningVar.toArray(), variances, TOLERANCE);
    });
  });

  it("leaves the running statistics alone in evaluation mode", () => {
    scope(() => {
      const runningMean = Tensor.from([0.5, -1, 2], [CHANNELS]);
      const runningVar = Tensor.from([2, 0.5, 1], [CHANNELS]);
      batchNorm(Tensor.ones([4, CHANNELS]), { runningMean, runningVar, training: false });
      expect([...runningMean.toArray(), ...runningVar.toArray()]).toEqual([0.5, -1, 2, 2, 0.5, 1]);
      expect(runningMean.disposed || runningVar.disposed).toBe(false);
    });
  });

  it("names what it cannot normalize", () => {
    scope(() => {
      const statistics = { runningMean: Tensor.zeros([3]), runningVar: Tensor.ones([3]) };
      expect(() => batchNorm(Tensor.ones([1, 3]), { ...statistics, training: true })).toThrow(
        "batchNorm: expected more than one value for each channel in training, got [1,3]. Use a larger batch, or evaluation mode.",
      );
      expect(() => batchNorm(Tensor.ones([2, 4]), { ...statistics, training: false })).toThrow(/got \[2,4\] and \[3\]/);
      expect(() => batchNorm(Tensor.ones([2, 4]), { runningMean: null, runningVar: null, training: false })).toThrow(
        /expected running statistics in evaluation mode, got none/,
      );
    });
  });
});
