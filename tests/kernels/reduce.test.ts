/** Reductions and moves against plain loops. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { core, type ReduceOp } from "../../src/kernels/index.ts";
import { bytes, floats, from, noise, read, readInts, result, worstDifference } from "./buffers.ts";

/** Sums are taken in double precision and rounded once; the terms are below 1, so that cancellation leaves at most this much. */
const SUM_TOLERANCE = 1e-6;

function reduceLoop(op: ReduceOp, x: Float32Array, outer: number, axis: number, inner: number): number[] {
  const out: number[] = [];
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const line = Array.from({ length: axis }, (_, a) => x[(o * axis + a) * inner + i]!);
      const sum = line.reduce((total, value) => total + value, 0);
      const highest = Math.max(...line);
      out.push({ sum, mean: sum / axis, max: highest, argmax: line.indexOf(highest) }[op]);
    }
  }
  return out;
}

describe("reduce", () => {
  const size = fc.integer({ min: 1, max: 70 });
  const cases = fc.record({ outer: size, axis: size, inner: size, seed: fc.integer({ min: 1, max: 1000 }) });

  for (const op of ["sum", "mean", "max", "argmax"] as const) {
    it(`${op} agrees with a loop for any shape`, () => {
      fc.assert(
        fc.property(cases, ({ outer, axis, inner, seed }) => {
          // Few distinct values, so that the first maximum matters.
          const x = noise(outer * axis * inner, seed).map((value) => Math.round(value * 8) / 8);
          const out = bytes(outer * inner * 4);
          core().reduce(op, from(x), outer, axis, inner, out);
          const got = op === "argmax" ? readInts(out) : read(out);
          expect(worstDifference(got, reduceLoop(op, x, outer, axis, inner))).toBeLessThanOrEqual(SUM_TOLERANCE);
        }),
        { numRuns: 40 },
      );
    });
  }

  it("keeps its digits over long axes, where float32 sums would lose them", () => {
    for (const [axis, inner] of [
      [1_000_000, 1],
      [200_000, 3],
      [20_000, 40],
      [50, 20_000],
    ] as const) {
      const x = new Float32Array(axis * inner).fill(0.1);
      const sums = result(inner, (out) => core().reduce("sum", from(x), 1, axis, inner, out));
      const expected = Math.fround(Math.fround(0.1) * axis);
      // The sum in double precision is exact to about 12 digits; what is left is the rounding to float32 (half a unit of 2^-23).
      expect(sums.every((sum) => Math.abs(sum - expected) <= expected * 2 ** -23)).toBe(true);
    }
  });

  it("lets NaN win a maximum", () => {
    const x = floats([1, Number.NaN, 3, 5, 4, 2]);
    expect([...result(2, (out) => core().reduce("max", x, 2, 3, 1, out))]).toEqual([Number.NaN, 5]);
    const indices = bytes(8);
    core().reduce("argmax", x, 2, 3, 1, indices);
    expect([...readInts(indices)]).toEqual([1, 0]);
  });

  it("sums nothing to 0 and refuses the maximum of nothing", () => {
    const empty = bytes(0);
    expect([...result(3, (out) => core().reduce("sum", empty, 1, 0, 3, out))]).toEqual([0, 0, 0]);
    expect(() => core().reduce("max", empty, 1, 0, 3, bytes(12))).toThrow(/at least one element/);
  });
});

describe("counting and squares", () => {
  const n = 100_003;

  it("finds the first of all differences", () => {
    const a = noise(n);
    const b = a.slice();
    const x = from(a);
    expect(core().countDifferent(x, from(b), n)).toEqual({ different: 0, first: -1 });
    for (const i of [70_001, 5, 99_999]) b[i] = b[i]! + 1;
    expect(core().countDifferent(x, from(b), n)).toEqual({ different: 3, first: 5 });
    expect(core().countDifferent(floats([0, Number.NaN]), floats([-0, Number.NaN]), 2)).toEqual({
      different: 1,
      first: 1,
    });
  });

  it("counts NaN and infinities", () => {
    const x = noise(n);
    for (const i of [0, 50_000, n - 1]) x[i] = Number.NaN;
    x[17] = Number.POSITIVE_INFINITY;
    x[18] = Number.NEGATIVE_INFINITY;
    expect(core().countNonFinite(from(x), n)).toBe(5);
  });

  it("adds squares in double precision", () => {
    const x = noise(n);
    const expected = x.reduce((sum, value) => sum + value * value, 0);
    expect(Math.abs(core().sumSquares(from(x), n) - expected) / expected).toBeLessThan(1e-12);
  });
});

describe("moves", () => {
  const axes = fc.integer({ min: 1, max: 5 }).chain((rank) =>
    fc.record({
      shape: fc.array(fc.integer({ min: 1, max: 19 }), { minLength: rank, maxLength: rank }),
      order: fc.shuffledSubarray(
        Array.from({ length: rank }, (_, i) => i),
        { minLength: rank, maxLength: rank },
      ),
    }),
  );

  for (const ArrayType of [Uint8Array, Uint16Array, Int32Array]) {
    it(`permutes any axes of ${ArrayType.name} elements`, () => {
      fc.assert(
        fc.property(axes, ({ shape, order }) => {
          const count = shape.reduce((product, size) => product * size, 1);
          fc.pre(count <= 200_000);
          const x = new ArrayType(count).map((_: number, i: number) => i * 7 + 3);
          const out = bytes(count * x.BYTES_PER_ELEMENT);
          core().permute(x.BYTES_PER_ELEMENT, from(x), shape, order, out);
          const got = new ArrayType(count);
          core().read(out, 0, got);
          const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
          const target = order.map((axis) => shape[axis]!);
          const wrong = got.findIndex((value: number, flat: number) => {
            let rest = flat;
            let index = 0;
            for (let k = target.length - 1; k >= 0; k--) {
              index += (rest % target[k]!) * strides[order[k]!]!;
              rest = Math.floor(rest / target[k]!);
            }
            return value !== x[index];
          });
          expect(wrong).toBe(-1);
        }),
        { numRuns: 60 },
      );
    });
  }

  it("refuses an order that is not a permutation", () => {
    const x = floats([1, 2, 3, 4]);
    expect(() => core().permute(4, x, [2, 2], [0, 0], x)).toThrow(/every axis of the shape once/);
    expect(() => core().permute(4, x, [2, 2], [0, 2], x)).toThrow(/every axis of the shape once/);
    expect(() => core().permute(4, x, [2, 2], [0], x)).toThrow(/every axis of the shape once/);
  });

  it("concatenates and cuts with strided copies", () => {
    const out = floats(new Array(10).fill(0));
    core().copyStrided(2, 8, floats([1, 2, 3, 4]), 0, 8, out, 0, 20);
    core().copyStrided(2, 12, floats([5, 6, 7, 8, 9, 10]), 0, 12, out, 8, 20);
    expect([...read(out)]).toEqual([1, 2, 5, 6, 7, 3, 4, 8, 9, 10]);
    const part = floats([0, 0]);
    core().copyStrided(2, 4, out, 4, 20, part, 0, 4);
    expect([...read(part)]).toEqual([2, 4]);
  });
});
