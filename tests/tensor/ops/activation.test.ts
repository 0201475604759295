import { describe, expect, it } from "vitest";
import {
  abs,
  backward,
  clamp,
  exp,
  floor,
  log,
  neg,
  relu,
  roundEven,
  roundFloat16,
  scope,
  sigmoid,
  sign,
  sqrt,
  square,
  sum,
  Tensor,
  tanh,
  trunc,
} from "../../../src/tensor/index.ts";
import { expectClose, expectGradients, expectSameInEveryLayout, leaf, randomNumbers, values } from "../gradient.ts";

/** float32 functions are good to a few units in the last place. */
const FEW_ROUNDINGS = 2e-6;

const UNARY: Record<string, [(x: Tensor) => Tensor, (x: number) => number]> = {
  neg: [neg, (x) => -x],
  exp: [exp, Math.exp],
  log: [log, Math.log],
  sqrt: [sqrt, Math.sqrt],
  abs: [abs, Math.abs],
  square: [square, (x) => x * x],
  sigmoid: [sigmoid, (x) => 1 / (1 + Math.exp(-x))],
  tanh: [tanh, Math.tanh],
  relu: [relu, (x) => Math.max(x, 0)],
  clamp: [(x) => clamp(x, -1, 1.25), (x) => Math.min(Math.max(x, -1), 1.25)],
};
const ONLY_POSITIVE = ["log", "sqrt"];

/** No number closer than 1/16 to the kinks at -1, 0 and 1.25. */
function smoothPoints(name: string): Float32Array {
  if (ONLY_POSITIVE.includes(name)) return randomNumbers(48, 3, 0.5, 3);
  return randomNumbers(48, 3, -3, 3).map((x) =>
    [-1, 0, 1.25].some((kink) => Math.abs(x - kink) < 1 / 16) ? x + 0.25 : x,
  );
}

const gradientOf = (operation: (x: Tensor) => Tensor, numbers: number[]) =>
  scope(() => {
    const x = leaf(numbers, [numbers.length]);
    backward(sum(operation(x)));
    return [...x.grad!.toArray()];
  });

describe("functions of one tensor", () => {
  it.each(Object.keys(UNARY))("%s has the values of its definition", (name) => {
    const [operation, scalar] = UNARY[name]!;
    const data = smoothPoints(name);
    expectClose(values(operation, { shape: [48], data }).data, [...data].map(scalar), FEW_ROUNDINGS);
  });

  it.each(Object.keys(UNARY))("%s has the gradient of its finite differences", (name) => {
    expectGradients(UNARY[name]![0], [{ shape: [2, 3, 2, 4], spatial: 2, data: smoothPoints(name) }]);
  });

  it.each(Object.keys(UNARY))("%s gives the same in every layout", (name) => {
    expectSameInEveryLayout(UNARY[name]![0], [{ shape: [2, 3, 2, 4], spatial: 2, data: smoothPoints(name) }]);
  });

  it("gives signs", () => {
    expect(values(sign, { shape: [3], data: [-2, 0, 5] }).data).toEqual([-1, 0, 1]);
  });

  it("has gradient 0 at the kinks of relu and abs", () => {
    expect(gradientOf(relu, [-1, 0, 1])).toEqual([0, 0, 1]);
    expect(gradientOf(abs, [-1, 0, 1])).toEqual([-1, 0, 1]);
  });

  it("passes the gradient of a clamp inside and on the boundary only", () => {
    expect(gradientOf((x) => clamp(x, -1, 1), [-1.5, -1, 0, 1, 1.5])).toEqual([0, 1, 1, 1, 0]);
    expect(gradientOf((x) => clamp(x, 0, Number.POSITIVE_INFINITY), [-1, 0, 1])).toEqual([0, 1, 1]);
  });

  it("refuses a clamp whose limits are the wrong way round", () => {
    scope(() => expect(() => clamp(Tensor.ones([1]), 1, 0)).toThrow("clamp: expected low <= high, got 1 and 0"));
  });
});

describe("roundings", () => {
  const numbers = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 1.25, -1.75];

  it("rounds halves to the even number", () => {
    expect(values(roundEven, { shape: [8], data: numbers }).data.map((x) => x + 0)).toEqual([
      -2, -2, 0, 0, 2, 2, 1, -2,
    ]);
  });

  it("rounds toward zero", () => {
    expect(values(trunc, { shape: [8], data: numbers }).data.map((x) => x + 0)).toEqual([-2, -1, 0, 0, 1, 2, 1, -1]);
  });

  it("rounds down", () => {
    expect(values(floor, { shape: [8], data: numbers }).data.map((x) => x + 0)).toEqual([-3, -2, -1, 0, 1, 2, 1, -2]);
  });

  it("rounds to float16, to even and to infinity", () => {
    const data = [1 + 2 ** -11, 1 + 3 * 2 ** -11, 2 ** -25, 2 ** -24, 65504, 65520, -1 / 3];
    const expected = [1, 1 + 2 ** -9, 0, 2 ** -24, 65504, Number.POSITIVE_INFINITY, -0.333251953125];
    expect(values(roundFloat16, { shape: [7], data }).data).toEqual(expected);
  });

  it("passes the gradient as if nothing had been rounded", () => {
    for (const rounding of [roundEven, trunc, floor, roundFloat16]) {
      expect(gradientOf((x) => rounding(square(x)), [0.3, -1.2])).toEqual([0.6, -2.4].map(Math.fround));
    }
  });
});
