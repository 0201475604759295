import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  add,
  div,
  equal,
  greater,
  greaterEqual,
  maximum,
  minimum,
  mul,
  type Operand,
  scale,
  scope,
  sub,
  Tensor,
  toChannelsLast,
} from "../../../src/tensor/index.ts";
import { expectClose, expectGradients, expectSameInEveryLayout, randomNumbers, values } from "../gradient.ts";

const BINARY: Record<string, [(a: Operand, b: Operand) => Tensor, (a: number, b: number) => number]> = {
  add: [add, (a, b) => a + b],
  sub: [sub, (a, b) => a - b],
  mul: [mul, (a, b) => a * b],
  div: [div, (a, b) => a / b],
  maximum: [maximum, Math.max],
  minimum: [minimum, Math.min],
  greaterEqual: [greaterEqual, (a, b) => Number(a >= b)],
  greater: [greater, (a, b) => Number(a > b)],
  equal: [equal, (a, b) => Number(a === b)],
};
const DIFFERENTIABLE = ["add", "sub", "mul", "div", "maximum", "minimum"];
/** One rounding of float32. */
const ONE_ROUNDING = 1e-6;

/** Numbers away from 0 and from each other's values, so that neither division nor a maximum is near a kink. */
const positive = (count: number, seed: number) => randomNumbers(count, seed, 1, 3);
const separated = (count: number, seed: number) =>
  positive(count, seed).map((value, i) => value + (i % 2 === 0 ? 4 : -0.5));

/** The definition of broadcasting, one element at a time. */
function broadcastLoop(
  f: (a: number, b: number) => number,
  a: Float32Array,
  shapeA: number[],
  b: Float32Array,
  shapeB: number[],
) {
  const rank = Math.max(shapeA.length, shapeB.length);
  const pad = (shape: number[]) => [...new Array<number>(rank - shape.length).fill(1), ...shape];
  const [padA, padB] = [pad(shapeA), pad(shapeB)];
  const shape = padA.map((size, i) => Math.max(size, padB[i]!));
  const size = shape.reduce((x, y) => x * y, 1);
  const at = (place: number[], padded: number[]) =>
    place.reduce((index, i, axis) => index * padded[axis]! + (padded[axis] === 1 ? 0 : i), 0);
  const data = Array.from({ length: size }, (_, flat) => {
    const place: number[] = [];
    for (let axis = rank - 1, rest = flat; axis >= 0; axis--) {
      place.unshift(rest % shape[axis]!);
      rest = Math.floor(rest / shape[axis]!);
    }
    return Math.fround(f(a[at(place, padA)]!, b[at(place, padB)]!));
  });
  return { shape, data };
}

/** Pairs of shapes that broadcast, with a layout for each. */
const broadcastPair = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.constantFrom("both", "onlyA", "onlyB")), {
    minLength: 1,
    maxLength: 5,
  })
  .chain((axes) => {
    const shape = (skip: string) => axes.map(([size, who]) => (who === skip ? 1 : size));
    return fc.record({
      a: fc.constant(shape("onlyB")),
      b: fc.constant(shape("onlyA")),
      cutA: fc.integer({ min: 0, max: axes.length }),
      cutB: fc.integer({ min: 0, max: axes.length }),
      spatialA: fc.integer({ min: 0, max: 3 }),
      spatialB: fc.integer({ min: 0, max: 3 }),
    });
  })
  .map(({ a, b, cutA, cutB, spatialA, spatialB }) => {
    // leading axes of size 1 may be left out
    const trim = (shape: number[], most: number) => {
      let count = 0;
      while (count < most && shape[count] === 1) count++;
      return shape.slice(count);
    };
    const [shapeA, shapeB] = [trim(a, cutA), trim(b, cutB)];
    const within = (spatial: number, shape: number[]) => Math.max(0, Math.min(spatial, shape.length - 1));
    return { shapeA, shapeB, spatialA: within(spatialA, shapeA), spatialB: within(spatialB, shapeB) };
  });

describe("arithmetic of two tensors", () => {
  it.each(Object.keys(BINARY))("%s broadcasts as NumPy does, in every layout of the operands", (name) => {
    const [operation, scalar] = BINARY[name]!;
    fc.assert(
      fc.property(broadcastPair, ({ shapeA, shapeB, spatialA, spatialB }) => {
        const [a, b] = [shapeA, shapeB].map((shape, i) =>
          positive(
            shape.reduce((x, y) => x * y, 1),
            i + 5,
          ),
        );
        const expected = broadcastLoop(scalar, a!, shapeA, b!, shapeB);
        const got = values(
          operation,
          { shape: shapeA, spatial: spatialA, data: a! },
          { shape: shapeB, spatial: spatialB, data: b! },
        );
        expect(got.shape).toEqual(expected.shape);
        expectClose(got.data, expected.data, ONE_ROUNDING);
      }),
      { numRuns: 60 },
    );
  });

  it.each(DIFFERENTIABLE)("%s has the gradient of its finite differences", (name) => {
    const [operation] = BINARY[name]!;
    const shape = [2, 3, 4];
    expectGradients(operation, [
      { shape, data: separated(24, 1) },
      { shape, data: positive(24, 2) },
    ]);
  });

  it.each(DIFFERENTIABLE)("%s sums the gradient over the axes along which an operand was repeated", (name) => {
    const [operation] = BINARY[name]!;
    const pairs: [number[], number, number[], number][] = [
      [[2, 3, 4, 5], 2, [1, 3, 1, 1], 0],
      [[3, 2, 3, 2, 2], 2, [2, 3, 2, 2], 2],
      [[2, 1, 4], 0, [3, 1], 0],
      [[1, 3, 2, 2], 2, [2, 3, 1, 2], 2],
      [[2, 3, 4, 5], 2, [5], 0],
      [[2, 3, 4, 5], 2, [], 0],
    ];
    for (const [shapeA, spatialA, shapeB, spatialB] of pairs) {
      const size = (shape: number[]) => shape.reduce((x, y) => x * y, 1);
      expectGradients(operation, [
        { shape: shapeA, spatial: spatialA, data: positive(size(shapeA), 3).map((value) => value + 4) },
        { shape: shapeB, spatial: spatialB, data: positive(size(shapeB), 4) },
      ]);
    }
  });

  it.each(DIFFERENTIABLE)("%s with a number on either side has the gradient of its finite differences", (name) => {
    const [operation, scalar] = BINARY[name]!;
    const input = { shape: [2, 3, 2, 2], spatial: 2, data: positive(24, 6).map((value) => value + 4) };
    expectGradients((x) => operation(x, 1.5), [input]);
    expectGradients((x) => operation(1.5, x), [input]);
    expectClose(
      values((x) => operation(1.5, x), input).data,
      [...input.data].map((value) => scalar(1.5, value)),
      ONE_ROUNDING,
    );
  });

  it("gives the same values and gradients in every layout", () => {
    for (const name of DIFFERENTIABLE) {
      expectSameInEveryLayout(BINARY[name]![0], [
        { shape: [2, 3, 4, 2], spatial: 2, data: separated(48, 7) },
        { shape: [2, 3, 4, 2], spatial: 2, data: positive(48, 8) },
      ]);
    }
  });

  it("keeps the channels-last layout, and prefers it when operands of one size differ", () => {
    scope(() => {
      const plain = Tensor.ones([2, 3, 4, 4]);
      const image = toChannelsLast(plain, 2);
      const channel = Tensor.ones([1, 3, 1, 1]);
      for (const out of [add(image, image), add(image, plain), add(plain, image), add(image, 1), mul(channel, image)]) {
        expect(out.spatial).toBe(2);
      }
      expect(add(plain, plain).spatial).toBe(0);
    });
  });

  it("splits the gradient of a tie in a maximum or minimum in halves", () => {
    for (const operation of [maximum, minimum]) {
      const { data } = values((a, b) => operation(a, b), { shape: [2], data: [1, 2] }, { shape: [2], data: [1, 2] });
      expect(data).toEqual([1, 2]);
      // a central difference across a tie is also one half
      expectGradients(
        (a, b) => operation(a, b),
        [
          { shape: [1], data: [1] },
          { shape: [1], data: [1] },
        ],
      );
    }
  });

  it("multiplies by a constant", () => {
    expect(values((x) => scale(x, -3), { shape: [3], data: [1, 0.5, -2] }).data).toEqual([-3, -1.5, 6]);
    expectGradients((x) => scale(x, -3), [{ shape: [3, 2, 2], spatial: 1 }]);
  });

  it("says which shapes do not fit together", () => {
    scope(() =>
      expect(() => add(Tensor.ones([2, 3]), Tensor.ones([2, 4]))).toThrow(
        "add: expected shapes that are equal or 1 on every axis, counted from the last, got [2,3] and [2,4]. Insert axes of size 1",
      ),
    );
  });

  it("refuses integer tensors", () => {
    scope(() =>
      expect(() => mul(Tensor.from([1, 2], [2], { dtype: "int32" }), 2)).toThrow(
        "mul: expected float32 tensors, got int32 [2]. Convert it with cast().",
      ),
    );
  });
});
