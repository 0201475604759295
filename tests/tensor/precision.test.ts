/** Rounded factors: what is rounded, what is not, and that nothing remains behind. */
import { describe, expect, it } from "vitest";
import { core } from "../../src/kernels/index.ts";
import { backwardFrom, conv2d, linear, scope, Tensor, withPrecision } from "../../src/tensor/index.ts";
import { leaf, randomNumbers } from "./gradient.ts";

/** Sums of a few hundred float32 products in two orders, relative to the sum of their sizes. */
const ORDER = 1e-5;

const PRECISIONS = ["bfloat16", "float16"] as const;
/** Significant bits, and the distance of the smallest numbers. */
const NUMBERS = { bfloat16: { bits: 8, smallest: 0 }, float16: { bits: 11, smallest: 2 ** -24 } };

/** To the nearest number of a precision, halves to even, by its definition. */
function rounded(value: number, precision: (typeof PRECISIONS)[number]): number {
  if (value === 0) return 0;
  const { bits, smallest } = NUMBERS[precision];
  const step = Math.max(smallest, 2 ** (Math.floor(Math.log2(Math.abs(value))) - bits + 1));
  const scaled = value / step;
  const near = Math.round(scaled);
  const even = Math.abs(scaled % 1) === 0.5 && near % 2 !== 0 ? near - 1 : near;
  return even * step;
}

interface Results {
  y: Float32Array;
  gradX: Float32Array;
  gradWeight: Float32Array;
}

interface Case {
  x: { shape: number[]; data: Float32Array };
  weight: { shape: number[]; data: Float32Array };
  gradient: Float32Array;
  run(x: Tensor, weight: Tensor): Tensor;
}

function results({ x, weight, gradient, run }: Case, round: (values: Float32Array) => Float32Array): Results {
  return scope(() => {
    const [input, factor] = [leaf(round(x.data), x.shape), leaf(round(weight.data), weight.shape)];
    const y = run(input, factor);
    backwardFrom([[y, Tensor.from(round(gradient), y.shape)]]);
    const array = (tensor: Tensor) => tensor.toArray() as Float32Array;
    return { y: array(y), gradX: array(input.grad!), gradWeight: array(factor.grad!) };
  });
}

/** Numbers with more bits than any precision here keeps. */
const longNumbers = (count: number) => randomNumbers(count).map((value) => value * 1.0009);

const CASES: Record<string, Case> = {
  conv2d: {
    x: { shape: [3, 5, 9, 7], data: longNumbers(3 * 5 * 9 * 7) },
    weight: { shape: [6, 5, 3, 3], data: longNumbers(6 * 5 * 9) },
    gradient: longNumbers(3 * 6 * 9 * 7),
    run: (x, weight) => conv2d(x, weight, null, { padding: 1 }),
  },
  linear: {
    x: { shape: [7, 33], data: longNumbers(7 * 33) },
    weight: { shape: [12, 33], data: longNumbers(12 * 33) },
    gradient: longNumbers(7 * 12),
    run: (x, weight) => linear(x, weight),
  },
};

describe.each(PRECISIONS)("%s factors", (precision) => {
  for (const [name, example] of Object.entries(CASES)) {
    it(`of ${name}: results are those of float32 with every factor rounded before`, () => {
      const fast = withPrecision(precision, () => results(example, (values) => values));
      const exact = results(example, (values) => values.map((value) => rounded(value, precision)));
      for (const key of ["y", "gradX", "gradWeight"] as const) {
        const size = exact[key].reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        const errors = fast[key].map((value, i) => Math.abs(value - exact[key][i]!));
        expect(Math.max(...errors)).toBeLessThanOrEqual(ORDER * size);
      }
      expect(fast.y).not.toEqual(results(example, (values) => values).y);
    });
  }

  it("change nothing where spikes meet weights of 8 significant bits, as in a network prepared for Loihi", () => {
    const weights = CASES.conv2d!.weight.data.map((value) => (2 * Math.round(value * 100)) / 64);
    const spikes = CASES.conv2d!.x.data.map((value) => (value > 0 ? 1 : 0));
    const forward = () =>
      scope(() => {
        const x = Tensor.from(Float32Array.from(spikes), [3, 5, 9, 7]);
        const weight = Tensor.from(Float32Array.from(weights), [6, 5, 3, 3]);
        return conv2d(x, weight, null, { padding: 1 }).toArray();
      });
    expect(withPrecision(precision, forward)).toEqual(forward());
  });

  it("give the same bytes for 1 and 2 threads", () => {
    const threads = core().info().threads;
    const runs = [1, 2].map((count) => {
      core().setThreads(count);
      return withPrecision(precision, () => results(CASES.conv2d!, (values) => values));
    });
    core().setThreads(threads);
    expect(runs[1]).toEqual(runs[0]);
  });

  it("end with the call, also when it fails", () => {
    const example = CASES.linear!;
    const before = results(example, (values) => values);
    const failing = () => {
      throw new Error("stop");
    };
    expect(() => withPrecision(precision, failing)).toThrow("stop");
    expect(results(example, (values) => values)).toEqual(before);
    withPrecision(precision, () => {
      withPrecision("float32", () => expect(results(example, (values) => values)).toEqual(before));
      expect(results(example, (values) => values)).not.toEqual(before);
    });
  });

  it("are refused by another name", () => {
    expect(() => withPrecision("float8" as "float32", () => undefined)).toThrow(/float8/);
  });
});
