/** Matrix products and convolutions against plain loops in double precision. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ConvSpec, core } from "../../src/kernels/index.ts";
import { bytes, floats, from, noise, read, result, room, worstDifference } from "./buffers.ts";
import { convLoops, convSpecs, points } from "./geometry.ts";

/**
 * Float32 sums of n products below 1 in any order: partial sums reach about sqrt(n), each addition errs by 2^-24 of that, and the
 * errors add up like a random walk, so about n * 2^-24 = 1e-4 for the 2,000 terms of the longest here. A wrong index errs by about 1.
 */
const TOLERANCE = 1e-4;

const flag = fc.boolean();
const size = fc.integer({ min: 1, max: 40 });

describe("matmul", () => {
  it("agrees with loops for every storage order, and adds where asked", () => {
    fc.assert(
      fc.property(
        fc.tuple(flag, flag, flag),
        fc.tuple(size, size, size),
        ([transposeA, transposeB, accumulate], [m, n, k]) => {
          const a = noise(m * k, 1);
          const b = noise(k * n, 2);
          const before = noise(m * n, 3);
          const expected = Array.from({ length: m * n }, (_, at) => {
            const row = Math.floor(at / n);
            const column = at % n;
            let sum = accumulate ? before[at]! : 0;
            for (let i = 0; i < k; i++) {
              sum += a[transposeA ? i * m + row : row * k + i]! * b[transposeB ? column * k + i : i * n + column]!;
            }
            return sum;
          });
          const c = from(before);
          core().matmul(transposeA, transposeB, m, n, k, from(a), from(b), c, accumulate);
          expect(worstDifference(read(c), expected)).toBeLessThan(TOLERANCE);
        },
      ),
      { numRuns: 80 },
    );
  });

  it("is a sum of nothing when the inner size is 0", () => {
    const empty = bytes(0);
    expect([...result(4, (c) => core().matmul(false, true, 2, 2, 0, empty, empty, c, false))]).toEqual([0, 0, 0, 0]);
    const c = floats([1, 2, 3, 4]);
    core().matmul(false, false, 2, 2, 0, empty, empty, c, true);
    expect([...read(c)]).toEqual([1, 2, 3, 4]);
    core().matmul(false, false, 0, 2, 3, empty, floats(noise(6)), empty, false);
  });
});

describe("linearForward", () => {
  it("computes x W^T + b", () => {
    // By hand: x = (1, 2), W = ((3, 4), (5, 6), (7, 8)), b = (0.5, 0, -1).
    const y = result(3, (out) =>
      core().linearForward(1, 2, 3, floats([1, 2]), floats([3, 4, 5, 6, 7, 8]), floats([0.5, 0, -1]), out),
    );
    expect([...y]).toEqual([11.5, 17, 22]);
  });

  it("agrees with loops with and without bias", () => {
    fc.assert(
      fc.property(size, size, size, flag, (rows, inputs, outputs, withBias) => {
        const x = noise(rows * inputs, 4);
        const w = noise(outputs * inputs, 5);
        const b = noise(outputs, 6);
        const y = result(rows * outputs, (out) =>
          core().linearForward(rows, inputs, outputs, from(x), from(w), withBias ? from(b) : 0, out),
        );
        const expected = Array.from({ length: rows * outputs }, (_, at) => {
          const row = Math.floor(at / outputs);
          let sum = withBias ? b[at % outputs]! : 0;
          for (let i = 0; i < inputs; i++) sum += x[row * inputs + i]! * w[(at % outputs) * inputs + i]!;
          return sum;
        });
        expect(worstDifference(y, expected)).toBeLessThan(TOLERANCE);
      }),
      { numRuns: 60 },
    );
  });
});

describe("convolution", () => {
  const specs = convSpecs(
    { maxStride: 3, halfPadding: false, ceil: false },
    [1, 1, 2, 3],
    [1, 2, 3, 5, 16, 17],
    [1, 2, 4, 16, 19],
  );

  function compare(spec: ConvSpec, withBias: boolean): void {
    const x = noise(spec.batch * points(spec.input) * spec.inChannels, 7);
    const weight = noise((spec.outChannels * spec.inChannels * points(spec.kernel)) / spec.groups, 8);
    const bias = withBias ? noise(spec.outChannels, 9) : null;
    const gradY = noise(spec.batch * points(spec.output) * spec.outChannels, 10);
    const expected = convLoops(spec, x, weight, bias, gradY);
    const [xBuffer, weightBuffer, gradBuffer] = [from(x), from(weight), from(gradY)];
    const y = result(gradY.length, (out) =>
      core().convForward(spec, xBuffer, weightBuffer, bias ? from(bias) : 0, out),
    );
    const gradX = result(x.length, (out) => core().convBackwardData(spec, gradBuffer, weightBuffer, out));
    const gradBias = withBias ? room(spec.outChannels) : 0;
    const gradWeight = result(weight.length, (out) =>
      core().convBackwardWeights(spec, xBuffer, gradBuffer, out, gradBias),
    );
    const label = JSON.stringify(spec);
    expect(worstDifference(y, expected.y), `y ${label}`).toBeLessThan(TOLERANCE);
    expect(worstDifference(gradX, expected.gradX), `gradX ${label}`).toBeLessThan(TOLERANCE);
    expect(worstDifference(gradWeight, expected.gradWeight), `gradWeight ${label}`).toBeLessThan(TOLERANCE);
    if (withBias)
      expect(worstDifference(read(gradBias), expected.gradBias), `gradBias ${label}`).toBeLessThan(TOLERANCE);
  }

  it("agrees with a convolution done by hand", () => {
    // A 3x3 image 1..9 and a 2x2 kernel (1, 10; 100, 1000): the first result is 1 + 2*10 + 4*100 + 5*1000.
    const spec: ConvSpec = {
      batch: 1,
      inChannels: 1,
      outChannels: 1,
      groups: 1,
      input: [3, 3],
      kernel: [2, 2],
      stride: [1, 1],
      padding: [0, 0],
      dilation: [1, 1],
      output: [2, 2],
    };
    const x = floats([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const y = result(4, (out) => core().convForward(spec, x, floats([1, 10, 100, 1000]), floats([0.5]), out));
    expect([...y]).toEqual([5421.5, 6532.5, 8754.5, 9865.5]);
  });

  it("agrees with loops over 1, 2 and 3 axes with stride, padding, dilation and groups", () => {
    fc.assert(
      fc.property(specs, flag, (spec, withBias) => compare(spec, withBias)),
      { numRuns: 150 },
    );
  });

  it("agrees with loops for the channel counts and sizes that networks have", () => {
    const square = (
      batch: number,
      inChannels: number,
      outChannels: number,
      kernel: number,
      input: number,
      stride: number,
      groups = 1,
    ): ConvSpec => {
      const padding = stride === 1 ? Math.floor(kernel / 2) : 0;
      const output = Math.floor((input + 2 * padding - kernel) / stride) + 1;
      const both = (value: number) => [value, value];
      return {
        batch,
        inChannels,
        outChannels,
        groups,
        input: both(input),
        kernel: both(kernel),
        stride: both(stride),
        padding: both(padding),
        dilation: both(1),
        output: both(output),
      };
    };
    for (const spec of [
      square(2, 1, 16, 3, 28, 1),
      square(2, 2, 32, 5, 17, 1),
      square(2, 16, 16, 2, 14, 2),
      square(1, 64, 128, 3, 8, 1),
      square(2, 32, 32, 3, 9, 1, 32),
      square(2, 48, 24, 1, 7, 1),
    ]) {
      compare(spec, true);
    }
  });

  it("pads behind as far as a larger output asks", () => {
    const spec: ConvSpec = {
      batch: 1,
      inChannels: 2,
      outChannels: 3,
      groups: 1,
      input: [4, 6],
      kernel: [3, 2],
      stride: [2, 3],
      padding: [0, 1],
      dilation: [1, 1],
      output: [2, 3],
    };
    compare(spec, true);
  });

  it("agrees with loops where the padding is larger than any network's, on each axis", () => {
    // oneDNN 2.6.3 and 3.7.2 leave taps of these weight gradients unwritten, or end the process, when they pad themselves.
    const cases = [
      { kernel: 4, stride: 2, padding: 3, input: 2, output: 3 },
      { kernel: 5, stride: 2, padding: 4, input: 2, output: 3 },
      { kernel: 5, stride: 3, padding: 4, input: 6, output: 4 },
      { kernel: 4, stride: 3, padding: 4, input: 6, output: 4 },
      { kernel: 1, stride: 1, padding: 2, input: 3, output: 7 },
    ];
    for (const { kernel, stride, padding, input, output } of cases) {
      for (const axis of [0, 1, 2]) {
        const along = (value: number, other: number) => [0, 1, 2].map((a) => (a === axis ? value : other));
        for (const [inChannels, outChannels] of [
          [1, 1],
          [5, 19],
          [16, 16],
        ] as const) {
          const spec: ConvSpec = {
            batch: 2,
            inChannels,
            outChannels,
            groups: 1,
            input: along(input, 3),
            kernel: along(kernel, 2),
            stride: along(stride, 1),
            padding: along(padding, 1),
            dilation: [1, 1, 1],
            output: along(output, 4),
          };
          compare(spec, true);
        }
      }
    }
  });

  it("writes zeros where there is nothing to sum", () => {
    const spec: ConvSpec = {
      batch: 0,
      inChannels: 2,
      outChannels: 2,
      groups: 1,
      input: [4],
      kernel: [2],
      stride: [1],
      padding: [0],
      dilation: [1],
      output: [3],
    };
    const empty = bytes(0);
    const gradBias = room(2);
    const gradWeight = result(8, (out) => core().convBackwardWeights(spec, empty, empty, out, gradBias));
    expect([...gradWeight]).toEqual(new Array(8).fill(0));
    expect([...read(gradBias)]).toEqual([0, 0]);
    core().convForward(spec, empty, floats(noise(8)), 0, empty);
  });

  it("refuses groups that do not divide the channels, and windows that cannot be", () => {
    const spec: ConvSpec = {
      batch: 1,
      inChannels: 3,
      outChannels: 2,
      groups: 2,
      input: [4],
      kernel: [2],
      stride: [1],
      padding: [0],
      dilation: [1],
      output: [3],
    };
    const x = floats(noise(64));
    expect(() => core().convForward(spec, x, x, 0, room(64))).toThrow(
      /channels that divide into 2 groups, got 3 in and 2 out/,
    );
    expect(() => core().convForward({ ...spec, groups: 1, stride: [0] }, x, x, 0, room(64))).toThrow(/convForward/);
    expect(() => core().convForward({ ...spec, kernel: [2, 2] }, x, x, 0, room(64))).toThrow(/1 to 3 sizes/);
  });
});
