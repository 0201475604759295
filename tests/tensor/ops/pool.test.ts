import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { avgPool, backwardFrom, maxPool, scope, sumPool, Tensor } from "../../../src/tensor/index.ts";
import { expectClose, expectGradients, expectSameInEveryLayout, leaf, randomNumbers, values } from "../gradient.ts";
import { poolLoop } from "../windows.ts";

/** Sums of up to 27 numbers in float32 against double precision. */
const SUM_TOLERANCE = 1e-5;

const axis = fc
  .record({
    input: fc.integer({ min: 1, max: 8 }),
    kernel: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 3 }),
    padding: fc.integer({ min: 0, max: 1 }),
    dilation: fc.integer({ min: 1, max: 2 }),
  })
  .filter((a) => 2 * a.padding <= a.kernel && a.input + 2 * a.padding >= a.dilation * (a.kernel - 1) + 1)
  // no window may lie wholly in the padding: its maximum would be undefined
  .filter((a) => a.input > a.dilation * (a.kernel - 1));

const pooling = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  channels: fc.integer({ min: 1, max: 20 }),
  axes: fc.array(axis, { minLength: 1, maxLength: 3 }),
  ceilMode: fc.boolean(),
});

function outputSize(
  { input, kernel, stride, padding, dilation }: { [key: string]: number },
  ceilMode: boolean,
): number {
  const room = (input! + 2 * padding! - dilation! * (kernel! - 1) - 1) / stride!;
  const count = (ceilMode ? Math.ceil(room) : Math.floor(room)) + 1;
  return ceilMode && (count - 1) * stride! >= input! + padding! ? count - 1 : count;
}

type Pooling = typeof pooling extends fc.Arbitrary<infer T> ? T : never;

function describeCase({ batch, channels, axes, ceilMode }: Pooling) {
  const of = (key: keyof (typeof axes)[number]) => axes.map((a) => a[key]);
  const geometry = {
    input: of("input"),
    kernel: of("kernel"),
    stride: of("stride"),
    padding: of("padding"),
    dilation: of("dilation"),
    output: axes.map((a) => outputSize(a, ceilMode)),
  };
  const options = { ...geometry, kernelSize: geometry.kernel, ceilMode };
  const shape = [batch, channels, ...geometry.input];
  const count = shape.reduce((a, b) => a * b, 1);
  // distinct neighbours, so that the winner of a maximum stays the winner within a step
  const data = Float32Array.from({ length: count }, (_, i) => ((i * 37) % 101) / 16 + ((i * 7) % 3) / 64);
  return { geometry, options, input: { shape, spatial: axes.length, data } };
}

describe("pooling", () => {
  it("takes the largest, mean and sum of windows by hand", () => {
    const input = { shape: [1, 1, 2, 4], data: [1, 2, 3, 4, 5, 6, 7, 8] };
    expect(values((x) => maxPool(x!, { kernelSize: 2 }), input)).toEqual({ shape: [1, 1, 1, 2], data: [6, 8] });
    expect(values((x) => avgPool(x!, { kernelSize: 2 }), input).data).toEqual([3.5, 5.5]);
    expect(values((x) => sumPool(x!, { kernelSize: 2 }), input).data).toEqual([14, 22]);
  });

  it("agrees with its definition for any window over one to three axes", () => {
    fc.assert(
      fc.property(pooling, (drawn) => {
        const { geometry, options, input } = describeCase(drawn);
        const expected = (rule: Parameters<typeof poolLoop>[4]) =>
          poolLoop(geometry, drawn.batch, drawn.channels, input.data, rule);
        const largest = values((x) => maxPool(x!, options), input);
        expect(largest.shape).toEqual([drawn.batch, drawn.channels, ...geometry.output]);
        expect(largest.data).toEqual(expected("max"));
        expectClose(values((x) => sumPool(x!, options), input).data, expected("sum"), SUM_TOLERANCE);
        for (const rule of [{ countIncludePad: true }, { countIncludePad: false }]) {
          expectClose(values((x) => avgPool(x!, { ...options, ...rule }), input).data, expected(rule), SUM_TOLERANCE);
        }
        const divided = values((x) => avgPool(x!, { ...options, divisorOverride: 5 }), input);
        expectClose(divided.data, expected({ divisor: 5 }), SUM_TOLERANCE);
      }),
      { numRuns: 60 },
    );
  });

  it("has the gradient of its finite differences for any window", () => {
    fc.assert(
      fc.property(pooling, (drawn) => {
        const { options, input } = describeCase(drawn);
        expectGradients((x) => sumPool(x!, options), [input]);
        expectGradients((x) => avgPool(x!, { ...options, countIncludePad: false }), [input]);
        expectGradients((x) => avgPool(x!, options), [input]);
      }),
      { numRuns: 10 },
    );
    for (const options of [
      { kernelSize: 2 },
      { kernelSize: 3, stride: 1, padding: 1 },
      { kernelSize: 2, dilation: 2, stride: 1 },
    ]) {
      const shape = [2, 3, 5, 5];
      const data = Float32Array.from({ length: 150 }, (_, i) => ((i * 37) % 151) / 16);
      expectGradients((x) => maxPool(x!, options), [{ shape, spatial: 2, data }]);
    }
  });

  it("gives the same in every layout", () => {
    for (const pool of [maxPool, avgPool, sumPool]) {
      expectSameInEveryLayout(
        (x) => pool(x!, { kernelSize: 3, stride: 2, padding: 1 }),
        [{ shape: [2, 5, 6, 7], spatial: 2 }],
      );
    }
  });

  it("gives the whole gradient of equal largest values to the first of the window in row-major order", () => {
    scope(() => {
      const x = leaf([0, 1, 1, 1, 1, 1, 1, 1], [1, 2, 2, 2], 2);
      const y = maxPool(x, { kernelSize: 2 });
      backwardFrom([[y, Tensor.from([3, 5], [1, 2, 1, 1])]]);
      expect([...x.grad!.toArray()]).toEqual([0, 3, 0, 0, 5, 0, 0, 0]);
    });
  });

  it("adds the gradients of overlapping windows with the same winner", () => {
    scope(() => {
      const x = leaf([0, 9, 0], [1, 1, 3]);
      backwardFrom([[maxPool(x, { kernelSize: 2, stride: 1 }), Tensor.from([3, 5], [1, 1, 2])]]);
      expect([...x.grad!.toArray()]).toEqual([0, 8, 0]);
    });
  });

  it("names what it cannot pool", () => {
    scope(() => {
      const x = Tensor.from(randomNumbers(16), [1, 1, 4, 4]);
      expect(() => maxPool(x, { kernelSize: 5 })).toThrow(
        /maxPool: expected a window no larger than the padded input \(4/,
      );
      expect(() => avgPool(x, { kernelSize: 2, padding: 2 })).toThrow(
        /avgPool padding: expected at most half the kernel size/,
      );
      expect(() => avgPool(x, { kernelSize: 2, divisorOverride: 0 })).toThrow(
        /divisorOverride: expected a whole number of at least 1/,
      );
      expect(() => sumPool(Tensor.ones([4, 4]), { kernelSize: 2 })).toThrow(/sumPool: expected input \[B,C,W\]/);
    });
  });
});
