/** Matrix products on the device against the CPU. */
import fc from "fast-check";
import { afterEach, expect, it } from "vitest";
import { core } from "../../src/kernels/index.ts";
import { bytes, floats, from, noise, read, result, worstDifference } from "../kernels/buffers.ts";
import { CUT_SUMS, onBoth, precisions, whole, withoutNegativeZero } from "./both.ts";
import { describeOnDevice } from "./device.ts";

/**
 * Float32 sums of n products below 1 in two orders: each errs by about sqrt(n) * 2^-24 for each of its n additions, and errors add up
 * like a random walk, together well below n * 2^-23 = 5e-6 for the 40 terms of the longest here. A wrong index errs by about 1.
 */
const OTHER_ORDER = 1e-5;

const flag = fc.boolean();
const size = fc.integer({ min: 1, max: 40 });
const sizes = fc.tuple(size, size, size);

afterEach(() => core().setPrecision("float32"));

describeOnDevice("matmul on a device", () => {
  function product(
    transposed: [boolean, boolean],
    [m, n, k]: number[],
    accumulate: boolean,
    numbers = noise,
  ): Float32Array {
    const c = from(numbers(m! * n!, 3));
    core().matmul(...transposed, m!, n!, k!, from(numbers(m! * k!, 1)), from(numbers(k! * n!, 2)), c, accumulate);
    return read(c);
  }

  it("gives the CPU's numbers for every storage order, exactly where sums are exact", () => {
    fc.assert(
      fc.property(fc.tuple(flag, flag), sizes, flag, precisions, (transposed, shape, accumulate, precision) => {
        core().setPrecision(precision);
        const exact = onBoth(() =>
          withoutNegativeZero([product(transposed, shape, accumulate, (n, seed) => whole(noise(n, seed)))]),
        );
        expect(exact[1]).toEqual(exact[0]);
        const [cpu, device] = onBoth(() => product(transposed, shape, accumulate));
        expect(worstDifference(device, cpu)).toBeLessThan(OTHER_ORDER * CUT_SUMS);
      }),
      { numRuns: 100 },
    );
  });

  it("of nothing is zero, or leaves what was there", () => {
    const [cpu, device] = onBoth(() => {
      const [empty, c] = [bytes(0), floats([1, 2, 3, 4])];
      core().matmul(false, false, 2, 2, 0, empty, empty, c, true);
      return [result(4, (out) => core().matmul(false, true, 2, 2, 0, empty, empty, out, false)), read(c)];
    });
    expect(device).toEqual(cpu);
    expect(device.map((values) => [...values])).toEqual([
      [0, 0, 0, 0],
      [1, 2, 3, 4],
    ]);
  });

  it("rounds its factors to bfloat16, not its sums", () => {
    core().setPrecision("bfloat16");
    // 1 + 2^-8 lies half way between two numbers of 8 bits and goes to the even one, 1 + 3 * 2^-8 to 1 + 2^-6; their sum has 9 bits.
    const [, device] = onBoth(() =>
      result(1, (out) =>
        core().matmul(false, false, 1, 1, 2, floats([1 + 2 ** -8, 1 + 3 * 2 ** -8]), floats([1, 128]), out, false),
      ),
    );
    expect([...device]).toEqual([1 + 128 * (1 + 2 ** -6)]);
  });
});

describeOnDevice("linearForward on a device", () => {
  it("gives the CPU's numbers with and without bias, exactly where sums are exact", () => {
    fc.assert(
      fc.property(sizes, flag, precisions, ([rows, inputs, outputs], withBias, precision) => {
        core().setPrecision(precision);
        const forward = (numbers: typeof noise) =>
          onBoth(() =>
            result(rows * outputs, (out) => {
              const [x, weight] = [from(numbers(rows * inputs, 4)), from(numbers(outputs * inputs, 5))];
              core().linearForward(rows, inputs, outputs, x, weight, withBias ? from(numbers(outputs, 6)) : 0, out);
            }),
          );
        const exact = forward((count, seed) => whole(noise(count, seed))).map((values) =>
          withoutNegativeZero([values]),
        );
        expect(exact[1]).toEqual(exact[0]);
        const [cpu, device] = forward(noise);
        expect(worstDifference(device, cpu)).toBeLessThan(OTHER_ORDER * CUT_SUMS);
      }),
      { numRuns: 60 },
    );
  });

  it("of no features is the bias", () => {
    const [cpu, device] = onBoth(() =>
      result(4, (out) => core().linearForward(2, 0, 2, bytes(0), bytes(0), floats([3, 4]), out)),
    );
    expect([...device]).toEqual([3, 4, 3, 4]);
    expect(device).toEqual(cpu);
  });
});
