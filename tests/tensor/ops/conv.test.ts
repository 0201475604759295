import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  backwardFrom,
  type ConvOptions,
  conv1d,
  conv2d,
  conv3d,
  linear,
  matmul,
  scope,
  Tensor,
  toChannelsLast,
} from "../../../src/tensor/index.ts";
import { expectClose, expectGradients, expectSameInEveryLayout, leaf, randomNumbers, values } from "../gradient.ts";
import { convLoop } from "../windows.ts";

/** Sums of a few hundred products in float32 against double precision. */
const DOT_TOLERANCE = 1e-5;
/** Linear in each input, so that a large step costs no accuracy and hides rounding. */
const LINEAR_STEP = 0.25;

const CONVOLUTIONS = [conv1d, conv2d, conv3d];
const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

interface Case {
  batch: number;
  groups: number;
  groupIn: number;
  groupOut: number;
  axes: { input: number; kernel: number; stride: number; padding: number; dilation: number }[];
  bias: boolean;
}

const axis = fc
  .record({
    input: fc.integer({ min: 1, max: 7 }),
    kernel: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 3 }),
    padding: fc.integer({ min: 0, max: 2 }),
    dilation: fc.integer({ min: 1, max: 2 }),
  })
  .filter((a) => a.input + 2 * a.padding >= a.dilation * (a.kernel - 1) + 1);

const convolution = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  groups: fc.integer({ min: 1, max: 3 }),
  groupIn: fc.integer({ min: 1, max: 3 }),
  groupOut: fc.integer({ min: 1, max: 3 }),
  axes: fc.array(axis, { minLength: 1, maxLength: 3 }),
  bias: fc.boolean(),
});

function describeCase({ batch, groups, groupIn, groupOut, axes, bias }: Case) {
  const of = (key: keyof Case["axes"][number]) => axes.map((a) => a[key]);
  const geometry = {
    input: of("input"),
    kernel: of("kernel"),
    stride: of("stride"),
    padding: of("padding"),
    dilation: of("dilation"),
    output: axes.map((a) => Math.floor((a.input + 2 * a.padding - a.dilation * (a.kernel - 1) - 1) / a.stride) + 1),
  };
  const [channels, outChannels] = [groups * groupIn, groups * groupOut];
  const options: ConvOptions = { ...geometry, groups };
  const convolve = CONVOLUTIONS[axes.length - 1]!;
  const operation = (x: Tensor, weight: Tensor, shift?: Tensor) => convolve(x, weight, shift ?? null, options);
  const inputs = [
    {
      shape: [batch, channels, ...geometry.input],
      spatial: axes.length,
      data: randomNumbers(size([batch, channels, ...geometry.input]), 1),
    },
    {
      shape: [outChannels, groupIn, ...geometry.kernel],
      data: randomNumbers(size([outChannels, groupIn, ...geometry.kernel]), 2),
    },
    ...(bias ? [{ shape: [outChannels], data: randomNumbers(outChannels, 3) }] : []),
  ];
  const counts = [batch, channels, outChannels, groups] as const;
  return { geometry, operation, inputs, counts };
}

describe("convolution", () => {
  it("adds products of a window, computed by hand", () => {
    // input 0..8 in 3x3, kernel [[1,2],[3,4]]: the first window is 0*1 + 1*2 + 3*3 + 4*4
    const got = values(
      (x, w, b) => conv2d(x, w, b),
      { shape: [1, 1, 3, 3], data: [0, 1, 2, 3, 4, 5, 6, 7, 8] },
      { shape: [1, 1, 2, 2], data: [1, 2, 3, 4] },
      { shape: [1], data: [100] },
    );
    expect(got).toEqual({ shape: [1, 1, 2, 2], data: [127, 137, 157, 167] });
  });

  it("agrees with its definition for any stride, padding, dilation and groups over one to three axes", () => {
    fc.assert(
      fc.property(convolution, (drawn) => {
        const { geometry, operation, inputs, counts } = describeCase(drawn);
        const got = values((x, w, b) => operation(x, w, b), ...inputs);
        const [x, w, b] = inputs.map((input) => input.data);
        expect(got.shape).toEqual([counts[0], counts[2], ...geometry.output]);
        expectClose(got.data, convLoop(geometry, counts, x!, w!, b ?? null), DOT_TOLERANCE);
      }),
      { numRuns: 60 },
    );
  });

  it("has the gradient of its finite differences for any stride, padding, dilation and groups", () => {
    fc.assert(
      fc.property(convolution, (drawn) => {
        const { operation, inputs } = describeCase(drawn);
        expectGradients((x, w, b) => operation(x!, w!, b), inputs, LINEAR_STEP);
      }),
      { numRuns: 12 },
    );
  });

  it("gives the same in every layout", () => {
    expectSameInEveryLayout(
      (x, w, b) => conv2d(x!, w!, b!, { stride: 2, padding: 1 }),
      [{ shape: [2, 3, 5, 6], spatial: 2 }, { shape: [4, 3, 3, 3], spatial: 2 }, { shape: [4] }],
    );
  });

  it("takes one number for every axis, or one for each", () => {
    const input = { shape: [1, 2, 5, 6] };
    const weight = { shape: [2, 2, 2, 3] };
    const one = values((x, w) => conv2d(x!, w!, null, { stride: 2, padding: 1 }), input, weight);
    const each = values((x, w) => conv2d(x!, w!, null, { stride: [2, 2], padding: [1, 1] }), input, weight);
    expect(one).toEqual(each);
  });

  it("computes only the gradients that are wanted", () => {
    scope(() => {
      const numbers = randomNumbers(64);
      const make = (wanted: boolean, shape: number[]) => {
        const data = numbers.slice(0, size(shape));
        return wanted ? leaf(data, shape) : Tensor.from(data, shape);
      };
      const gradients = (...wanted: boolean[]) => {
        const x = make(wanted[0]!, [1, 2, 4, 4]);
        const w = make(wanted[1]!, [2, 2, 3, 3]);
        const b = make(wanted[2]!, [2]);
        const y = conv2d(x, w, b);
        backwardFrom([[y, Tensor.from(numbers.slice(0, y.size), y.shape)]]);
        return [x, w, b].map((tensor) => tensor.grad?.toArray() ?? null);
      };
      const all = gradients(true, true, true);
      for (const wanted of [
        [true, false, false],
        [false, true, false],
        [false, false, true],
        [false, true, true],
      ]) {
        gradients(...wanted).forEach((grad, i) => {
          if (wanted[i]) expectClose(grad!, all[i]!, DOT_TOLERANCE);
          else expect(grad).toBeNull();
        });
      }
    });
  });

  it("gives its result channels-last, for the layer behind it", () => {
    scope(() => expect(conv2d(Tensor.ones([1, 2, 4, 4]), Tensor.ones([3, 2, 3, 3])).spatial).toBe(2));
  });

  it("names what does not fit together", () => {
    scope(() => {
      const [x, w] = [Tensor.ones([1, 3, 5, 5]), Tensor.ones([4, 2, 3, 3])];
      expect(() => conv2d(x, w)).toThrow(
        /conv2d: expected input \[B,C,H,W\].*got \[1,3,5,5\], \[4,2,3,3\], no bias, groups 1/,
      );
      expect(() => conv1d(x, w)).toThrow(/conv1d: expected input \[B,C,W\]/);
      expect(() => conv2d(x, Tensor.ones([4, 3, 7, 7]))).toThrow(
        /expected a window no larger than the padded input \(5 along/,
      );
      expect(() => conv2d(x, Tensor.ones([4, 3, 3, 3]), null, { stride: 0 })).toThrow(
        /conv2d stride: expected a whole number/,
      );
    });
  });
});

describe("linear", () => {
  it("adds products by hand", () => {
    const got = values(
      (x, w, b) => linear(x!, w!, b!),
      { shape: [1, 2], data: [1, 2] },
      { shape: [3, 2], data: [1, 0, 0, 1, 2, 3] },
      { shape: [3], data: [10, 20, 30] },
    );
    expect(got).toEqual({ shape: [1, 3], data: [11, 22, 38] });
  });

  it("has the gradient of its finite differences over any leading axes", () => {
    for (const lead of [[], [4], [2, 3]]) {
      const inputs = [{ shape: [...lead, 5] }, { shape: [3, 5] }, { shape: [3] }];
      expectGradients((x, w, b) => linear(x!, w!, b!), inputs, LINEAR_STEP);
      expectGradients((x, w) => linear(x!, w!), inputs.slice(0, 2), LINEAR_STEP);
    }
  });

  it("gives the same in every layout", () => {
    expectSameInEveryLayout(
      (x, w) => linear(x!, w!),
      [
        { shape: [2, 3, 4], spatial: 1 },
        { shape: [5, 4], spatial: 1 },
      ],
    );
  });

  it("names what does not fit together", () => {
    scope(() =>
      expect(() => linear(Tensor.ones([2, 4]), Tensor.ones([3, 5]))).toThrow(
        /linear: expected input \[...,I\], weight \[O,I\], bias \[O\], got \[2,4\], \[3,5\], no bias\. .*flatten/,
      ),
    );
  });
});

describe("matmul", () => {
  it("multiplies by hand", () => {
    const got = values(
      (a, b) => matmul(a!, b!),
      { shape: [2, 2], data: [1, 2, 3, 4] },
      { shape: [2, 3], data: [1, 0, 2, 0, 1, 3] },
    );
    expect(got).toEqual({ shape: [2, 3], data: [1, 2, 8, 3, 4, 18] });
  });

  it("has the gradient of its finite differences, the same in every layout", () => {
    const inputs = [
      { shape: [3, 4], spatial: 1 },
      { shape: [4, 2], spatial: 1 },
    ];
    expectGradients((a, b) => matmul(a!, b!), inputs, LINEAR_STEP);
    expectSameInEveryLayout((a, b) => matmul(a!, b!), inputs);
  });

  it("names matrices that do not fit", () => {
    scope(() => expect(() => matmul(Tensor.ones([2, 3]), Tensor.ones([2, 3]))).toThrow(/got \[2,3\] and \[2,3\]/));
  });
});

describe("a convolution over one pixel", () => {
  it("is a fully connected layer", () => {
    scope(() => {
      const x = Tensor.from(randomNumbers(12), [3, 4]);
      const w = Tensor.from(randomNumbers(20, 2), [5, 4]);
      const image = toChannelsLast(x.view([3, 4, 1, 1], 0), 2);
      expectClose(conv2d(image, w.view([5, 4, 1, 1], 0)).toArray(), linear(x, w).toArray(), DOT_TOLERANCE);
    });
  });
});
