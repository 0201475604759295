import { describe, expect, it } from "vitest";
import {
  adamStep,
  assign,
  cast,
  countDifferent,
  countNonFinite,
  scaleInPlace,
  scope,
  sgdStep,
  sumSquares,
  Tensor,
  toChannelsLast,
} from "../../../src/tensor/index.ts";
import { expectClose, randomNumbers } from "../gradient.ts";

/** One step in float32 against double precision. */
const TOLERANCE = 1e-6;

describe("questions about tensors", () => {
  it("adds squares in double precision", () => {
    scope(() => expect(sumSquares(Tensor.from([3, 4, 2 ** -12], [3]))).toBe(25 + 2 ** -24));
  });

  it("counts differences and finds the first in row-major order, whatever the layouts", () => {
    scope(() => {
      const data = randomNumbers(24);
      const a = Tensor.from(data, [1, 3, 2, 4]);
      const b = toChannelsLast(
        Tensor.from(
          data.map((x, i) => (i === 5 || i === 20 ? x + 1 : x)),
          [1, 3, 2, 4],
        ),
        2,
      );
      expect(countDifferent(a, b)).toEqual({ different: 2, first: 5 });
      expect(countDifferent(a, toChannelsLast(a, 2))).toEqual({ different: 0, first: -1 });
      expect(() => countDifferent(a, Tensor.ones([24]))).toThrow(/countDifferent: expected shape/);
    });
  });

  it("counts NaN and infinite values", () => {
    scope(() => expect(countNonFinite(Tensor.from([1, Number.NaN, Number.POSITIVE_INFINITY, -2], [4]))).toBe(2));
  });

  it("converts between element types", () => {
    scope(() => {
      const x = Tensor.from([0, 1, 2.75, -3], [4]);
      const whole = cast(x, "int32");
      expect([whole.dtype, [...whole.toArray()]]).toEqual(["int32", [0, 1, 2, -3]]);
      const half = cast(x, "float16");
      expect([half.dtype, [...half.toArray()]]).toEqual(["float16", [0, 0x3c00, 0x4180, 0xc200]]);
      expect([...cast(half, "float32").toArray()]).toEqual([0, 1, 2.75, -3]);
      expect([...cast(Tensor.from([0, 255], [2], { dtype: "uint8" }), "float32").toArray()]).toEqual([0, 255]);
    });
  });
});

describe("changes in place", () => {
  it("makes a step of gradient descent with momentum", () => {
    scope(() => {
      const x = Tensor.from([1, 2], [2]);
      const momentum = Tensor.from([0.5, -1], [2]);
      const options = {
        learningRate: 0.1,
        momentum: 0.9,
        dampening: 0,
        weightDecay: 0,
        nesterov: false,
        firstStep: false,
      };
      sgdStep(x, Tensor.from([10, 20], [2]), momentum, options);
      expectClose(momentum.toArray(), [10.45, 19.1], TOLERANCE);
      expectClose(x.toArray(), [1 - 1.045, 2 - 1.91], TOLERANCE);
      sgdStep(x, Tensor.from([1, 1], [2]), null, { ...options, momentum: 0 });
      expectClose(x.toArray(), [-0.145, -0.01], TOLERANCE);
    });
  });

  it("makes the first step of Adam as large as the learning rate", () => {
    scope(() => {
      const x = Tensor.from([1, 2], [2]);
      const options = {
        learningRate: 0.01,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weightDecay: 0,
        decoupled: false,
        step: 1,
      };
      adamStep(x, Tensor.from([3, -0.5], [2]), Tensor.zeros([2]), Tensor.zeros([2]), options);
      expectClose(x.toArray(), [0.99, 2.01], TOLERANCE);
    });
  });

  it("scales and overwrites", () => {
    scope(() => {
      const x = toChannelsLast(Tensor.from(randomNumbers(24), [1, 2, 3, 4]), 2);
      const { buffer } = x;
      assign(x, Tensor.from(randomNumbers(24, 5), [1, 2, 3, 4]));
      scaleInPlace(x, 2);
      expect(x.buffer).toBe(buffer);
      expect(x.toArray()).toEqual(randomNumbers(24, 5).map((value) => 2 * value));
      expect(() => assign(x, Tensor.ones([24]))).toThrow("assign: expected shape [1,2,3,4], got [24]");
    });
  });
});
