import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { argmax, backward, max, mean, scope, sum, Tensor, toChannelsLast } from "../../../src/tensor/index.ts";
import { expectClose, expectGradients, expectSameInEveryLayout, leaf, randomNumbers, values } from "../gradient.ts";

/** Sums of a hundred numbers in float32 against double precision. */
const SUM_TOLERANCE = 1e-5;

/** Reduction by its definition: visits every element once. */
function reduceLoop(op: "sum" | "mean" | "max", data: Float32Array, shape: number[], axes: number[]) {
  const kept = shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const groups = new Map<number, number[]>();
  data.forEach((value, flat) => {
    let index = 0;
    let rest = flat;
    let stride = 1;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const i = rest % shape[axis]!;
      rest = Math.floor(rest / shape[axis]!);
      if (kept[axis] !== 1) {
        index += i * stride;
        stride *= kept[axis]!;
      }
    }
    groups.set(index, [...(groups.get(index) ?? []), value]);
  });
  return [...groups.entries()]
    .sort(([a], [b]) => a - b)
    .map(([, members]) => {
      if (op === "max") return Math.max(...members);
      const total = members.reduce((a, b) => a + b, 0);
      return op === "mean" ? total / members.length : total;
    });
}

const REDUCTIONS = { sum, mean, max };

const reduction = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }).chain((shape) =>
  fc.record({
    shape: fc.constant(shape),
    axes: fc.subarray(shape.map((_, axis) => axis)),
    spatial: fc.integer({ min: 0, max: shape.length - 1 }),
    keepDim: fc.boolean(),
  }),
);

describe("reductions", () => {
  it.each(["sum", "mean", "max"] as const)("%s over any axes in any layout agrees with its definition", (name) => {
    fc.assert(
      fc.property(reduction, ({ shape, axes, spatial, keepDim }) => {
        const data = randomNumbers(
          shape.reduce((a, b) => a * b, 1),
          4,
        );
        const got = values((x) => REDUCTIONS[name](x, axes, keepDim), { shape, spatial, data });
        const kept = shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
        expect(got.shape).toEqual(keepDim ? kept : kept.filter((_, axis) => !axes.includes(axis)));
        expectClose(got.data, reduceLoop(name, data, shape, axes), SUM_TOLERANCE);
      }),
      { numRuns: 80 },
    );
  });

  it.each(["sum", "mean", "max"] as const)("%s has the gradient of its finite differences", (name) => {
    // distinct numbers, so that the largest stays the largest within a step
    const data = Float32Array.from({ length: 48 }, (_, i) => ((i * 29) % 48) / 16);
    const operation = REDUCTIONS[name];
    for (const axes of [undefined, [0], [1], [-1], [2, 3], [0, 2, 3], [1, 3]]) {
      expectGradients((x) => operation(x, axes), [{ shape: [2, 3, 2, 4], spatial: 2, data }]);
      expectGradients((x) => operation(x, axes, true), [{ shape: [2, 3, 2, 4], data }]);
    }
  });

  it.each(["sum", "mean", "max"] as const)("%s gives the same in every layout", (name) => {
    for (const axes of [undefined, [0], [1], [2], [1, 2], [0, 3]]) {
      expectSameInEveryLayout((x) => REDUCTIONS[name](x, axes), [{ shape: [2, 3, 2, 4], spatial: 2 }]);
    }
  });

  it("keeps the layout of the axes that are left", () => {
    scope(() => {
      const x = toChannelsLast(Tensor.ones([2, 5, 3, 4, 4]), 2);
      expect([
        mean(x, 0).spatial,
        sum(x, [0, 1]).spatial,
        sum(x, [3, 4]).spatial,
        sum(x, 2).spatial,
        sum(x, 3).spatial,
      ]).toEqual([2, 2, 0, 0, 1]);
    });
  });

  it("gives the gradient of equal largest values to the first in row-major order", () => {
    const gradient = (axes: number[] | undefined, spatial: number) =>
      scope(() => {
        const x = leaf([1, 7, 7, 0, 7, 2, 3, 7], [1, 2, 2, 2], spatial);
        backward(sum(max(x, axes)));
        return [...x.grad!.toArray()];
      });
    for (const spatial of [0, 2]) {
      expect(gradient(undefined, spatial)).toEqual([0, 1, 0, 0, 0, 0, 0, 0]);
      expect(gradient([2, 3], spatial)).toEqual([0, 1, 0, 0, 1, 0, 0, 0]);
      expect(gradient([1], spatial)).toEqual([0, 1, 1, 0, 1, 0, 0, 1]);
    }
  });

  it("finds the index of the first largest value as int32", () => {
    scope(() => {
      const x = Tensor.from([1, 5, 5, 9, 2, 9], [2, 3]);
      const index = argmax(x, 1);
      expect([index.dtype, index.shape, [...index.toArray()]]).toEqual(["int32", [2], [1, 0]]);
      expect([...argmax(x, 0).toArray()]).toEqual([1, 0, 1]);
      const image = toChannelsLast(Tensor.from(randomNumbers(2 * 3 * 4 * 5), [2, 3, 4, 5]), 2);
      for (const axis of [0, 1, 2, 3]) {
        const plain = Tensor.from(image.toArray(), image.shape);
        expect(argmax(image, axis).toArray()).toEqual(argmax(plain, axis).toArray());
      }
    });
  });

  it("names the axis that does not exist", () => {
    scope(() =>
      expect(() => sum(Tensor.ones([2, 3]), 2)).toThrow("sum: expected an axis from -2 to 1 of [2,3], got 2"),
    );
  });
});
