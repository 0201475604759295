/** Arrays as people hold them, on their way to a chip's runtime and back. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arrangeInput, arrangeTrace, type NumberArray } from "../../src/exporters/index.ts";
import { errorOf } from "../error-of.ts";

type Runtime = Parameters<typeof arrangeInput>[1];
const sequence: Runtime = { inputShape: [2, 3, 4], inputForm: "sequence", steps: null };
const fixedSteps: Runtime = { ...sequence, steps: 5 };
const image: Runtime = { inputShape: [2, 3, 4], inputForm: "image", steps: 5 };
const SAMPLE = 24;

function counted(shape: number[]): NumberArray {
  const size = shape.reduce((product, axis) => product * axis, 1);
  return { shape, data: Float32Array.from({ length: size }, (_, i) => i) };
}

const arrange = (array: NumberArray, runtime: Runtime, steps?: number) => arrangeInput(array, runtime, steps, "in.npy");

describe("an input array", () => {
  it("of a sequence has time first for the chip, whether it is flat or in C,H,W order", () => {
    for (const shape of [
      [3, 5, 2, 3, 4],
      [3, 5, SAMPLE],
    ]) {
      const { input, batched } = arrange(counted(shape), sequence);
      expect({ batched, form: input.form, shape: input.shape }).toEqual({
        batched: true,
        form: "sequence",
        shape: [5, 3, 2, 3, 4],
      });
      // element 7 of sample 2 at step 4
      expect(input.data[(4 * 3 + 2) * SAMPLE + 7]).toBe((2 * 5 + 4) * SAMPLE + 7);
    }
  });

  it("of one sequence without a batch axis is one sample", () => {
    const { input, batched } = arrange(counted([5, 2, 3, 4]), sequence);
    expect({ batched, shape: input.shape }).toEqual({ batched: false, shape: [5, 1, 2, 3, 4] });
    expect([...input.data]).toEqual([...counted([120]).data]);
  });

  it("of images keeps its order", () => {
    for (const [shape, batched] of [
      [[3, 2, 3, 4], true],
      [[3, SAMPLE], true],
      [[2, 3, 4], false],
      [[SAMPLE], false],
    ] as const) {
      const arranged = arrange(counted([...shape]), image);
      expect(arranged.batched).toBe(batched);
      expect(arranged.input).toMatchObject({ form: "image", shape: [batched ? 3 : 1, 2, 3, 4] });
    }
  });

  it("is cut, or followed by silence, only when that is asked for", () => {
    const longer = arrange(counted([1, 5, SAMPLE]), sequence, 7).input;
    expect(longer.shape[0]).toBe(7);
    expect(longer.data.subarray(5 * SAMPLE).every((value) => value === 0)).toBe(true);
    const shorter = arrange(counted([1, 5, SAMPLE]), sequence, 2).input;
    expect([...shorter.data]).toEqual([...counted([2 * SAMPLE]).data]);
    expect(arrange(counted([4, SAMPLE]), fixedSteps, 5).input.shape[0]).toBe(5);
    expect(errorOf(() => arrange(counted([4, SAMPLE]), fixedSteps))).toMatchObject({ code: "SHAPE" });
    expect(errorOf(() => arrange(counted([4, SAMPLE]), fixedSteps, 4))).toMatchObject({ code: "OPTION" });
    expect(errorOf(() => arrange(counted([SAMPLE]), image, 4))).toMatchObject({ code: "OPTION" });
  });

  it("that fits in no way is refused with the ways that do", () => {
    const { code, message } = errorOf(() => arrange(counted([5, 3, 2, 4]), sequence));
    expect(code).toBe("SHAPE");
    expect(message).toBe("in.npy: expected [T,2,3,4] or [N,T,2,3,4], or flat with 24 numbers a sample, got [5,3,2,4].");
    for (const shape of [[SAMPLE], [1, 3, 5, SAMPLE], [2, 3, 4]]) {
      expect(errorOf(() => arrange(counted(shape), sequence)).code).toBe("SHAPE");
    }
  });
});

describe("a trace", () => {
  it("comes back in the order in which the input was given, for any sizes", () => {
    const size = fc.integer({ min: 1, max: 4 });
    fc.assert(
      fc.property(size, size, (samples, steps) => {
        const given = counted([samples, steps, SAMPLE]);
        const { input, batched } = arrange(given, sequence);
        const back = arrangeTrace({ shape: [steps, samples, SAMPLE], data: input.data }, batched);
        expect(back).toEqual(given);
      }),
    );
  });

  it("of a single sample loses its batch axis", () => {
    expect(arrangeTrace(counted([4, 1, 2, 3]), false).shape).toEqual([4, 2, 3]);
  });
});
