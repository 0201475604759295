import { describe, expect, it } from "vitest";
import { backward, mse, scale, scope, softmaxCrossEntropy, sum, Tensor } from "../../../src/tensor/index.ts";
import { expectClose, expectGradients, expectSameInEveryLayout, leaf, randomNumbers, values } from "../gradient.ts";

/** float32 logarithms of a few terms. */
const TOLERANCE = 2e-6;
const labels = (...numbers: number[]) => Tensor.from(numbers, [numbers.length], { dtype: "int32" });

describe("softmax cross-entropy", () => {
  const operation = (logits: Tensor) => scope(() => softmaxCrossEntropy(logits, labels(2, 0, 1, 2)));

  it("is the mean of -log softmax at the label", () => {
    const data = randomNumbers(12);
    const expected =
      [2, 0, 1, 2].reduce((total, label, row) => {
        const logits = [...data.slice(row * 3, row * 3 + 3)];
        return total + Math.log(logits.reduce((s, x) => s + Math.exp(x), 0)) - logits[label]!;
      }, 0) / 4;
    expectClose(values(operation, { shape: [4, 3], data }).data, [expected], TOLERANCE);
  });

  it("has the gradient of its finite differences, the same in every layout", () => {
    expectGradients(operation, [{ shape: [4, 3] }]);
    expectSameInEveryLayout(operation, [{ shape: [4, 3], spatial: 1 }]);
  });

  it("takes a class axis with axes behind it", () => {
    const image = (logits: Tensor) =>
      scope(() => softmaxCrossEntropy(logits, Tensor.from([0, 1, 2, 0], [1, 2, 2], { dtype: "int32" })));
    expectGradients(image, [{ shape: [1, 3, 2, 2], spatial: 2 }]);
    expectSameInEveryLayout(image, [{ shape: [1, 3, 2, 2], spatial: 2 }]);
  });

  it("does not overflow for large logits", () => {
    const { data } = values((x) => scope(() => softmaxCrossEntropy(x!, labels(0))), { shape: [1, 2], data: [1000, 0] });
    expect(data).toEqual([0]);
  });

  it("passes a factor through", () => {
    scope(() => {
      const x = leaf([1, 2, 3], [1, 3]);
      const y = leaf([1, 2, 3], [1, 3]);
      backward(softmaxCrossEntropy(x, labels(1)));
      backward(sum(scale(softmaxCrossEntropy(y, labels(1)), 4)));
      expectClose(
        y.grad!.toArray(),
        [...x.grad!.toArray()].map((g) => 4 * g),
        TOLERANCE,
      );
    });
  });

  it("names shapes and types that do not fit", () => {
    scope(() => {
      expect(() => softmaxCrossEntropy(Tensor.ones([2, 3]), labels(0))).toThrow(/got \[2,3\] and int32 \[1\]/);
      expect(() => softmaxCrossEntropy(Tensor.ones([2, 3]), Tensor.ones([2]))).toThrow(/got \[2,3\] and float32 \[2\]/);
      expect(() => softmaxCrossEntropy(Tensor.ones([2]), labels(0, 0))).toThrow(/expected logits \[N,C,\.\.\.\]/);
    });
  });
});

describe("mean squared error", () => {
  it("is the mean of squares by hand", () => {
    const got = values((x, y) => mse(x!, y!), { shape: [2], data: [1, 3] }, { shape: [2], data: [0, 1] });
    expect(got).toEqual({ shape: [], data: [2.5] });
  });

  it("has the gradient of its finite differences on both sides, the same in every layout", () => {
    const inputs = [
      { shape: [2, 3, 2, 2], spatial: 2 },
      { shape: [2, 3, 2, 2], spatial: 2 },
    ];
    expectGradients((x, y) => mse(x!, y!), inputs);
    expectSameInEveryLayout((x, y) => mse(x!, y!), inputs);
  });

  it("names shapes that differ", () => {
    scope(() =>
      expect(() => mse(Tensor.ones([2, 1]), Tensor.ones([2]))).toThrow("mse target: expected shape [2,1], got [2]"),
    );
  });
});
