import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  backwardFrom,
  concat,
  flatten,
  memoryStats,
  permute,
  repeatLeading,
  reshape,
  scope,
  select,
  slice,
  stack,
  Tensor,
  toChannelsLast,
  toPlain,
  unstack,
} from "../../../src/tensor/index.ts";
import { expectGradients, expectSameInEveryLayout, leaf, randomNumbers, values } from "../gradient.ts";

const counting = (shape: number[]) => Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i);
const IMAGE = [2, 3, 4, 5];

describe("layouts", () => {
  it("gives back the same numbers in row-major order from any layout", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 0, max: 3 }),
        (shape, wanted) => {
          const spatial = Math.min(wanted, shape.length - 1);
          const data = counting(shape);
          expect(values((x) => x, { shape, spatial, data }).data).toEqual([...data]);
          expect(values((x) => toPlain(x), { shape, spatial, data }).data).toEqual([...data]);
        },
      ),
    );
  });

  it("lays the channel axis innermost in memory", () => {
    scope(() => {
      const image = toChannelsLast(Tensor.from(counting([1, 2, 1, 3]), [1, 2, 1, 3]), 2);
      expect([...image.view([6], 0).toArray()]).toEqual([0, 3, 1, 4, 2, 5]);
    });
  });

  it("costs nothing where both orders are the same bytes", () => {
    scope(() => {
      const oneChannel = Tensor.ones([4, 1, 3, 3]);
      const onePixel = Tensor.ones([4, 3, 1, 1]);
      const before = memoryStats().liveBuffers;
      for (const x of [oneChannel, onePixel]) expect(toPlain(toChannelsLast(x, 2)).buffer).toBe(x.buffer);
      expect(memoryStats().liveBuffers).toBe(before);
    });
  });

  it("passes gradients through changes of layout", () => {
    expectGradients((x) => toChannelsLast(x, 2), [{ shape: IMAGE }]);
    expectGradients(toPlain, [{ shape: IMAGE, spatial: 2 }]);
    expectGradients((x) => toChannelsLast(x, 2), [{ shape: [2, 1, 3, 3] }]);
  });

  it("names a tensor without a channel axis", () => {
    scope(() =>
      expect(() => toChannelsLast(Tensor.ones([2, 2]), 2)).toThrow(/expected a channel axis before 2 spatial axes/),
    );
  });
});

describe("reshape", () => {
  it("keeps row-major order in every layout", () => {
    for (const spatial of [0, 1, 2, 3]) {
      for (const shape of [[6, 20], [120], [2, 1, 3, 4, 5], [3, 2, 5, 4], [2, 3, 20], [1, 2, 3, 4, 5]]) {
        const got = values((x) => reshape(x, shape), { shape: IMAGE, spatial, data: counting(IMAGE) });
        expect(got).toEqual({ shape, data: [...counting(IMAGE)] });
      }
    }
  });

  it("costs nothing when only axes before the channel axis are merged or split", () => {
    scope(() => {
      const sequence = toChannelsLast(Tensor.ones([4, 2, 3, 5, 5]), 2);
      const merged = reshape(sequence, [8, 3, 5, 5]);
      const split = reshape(merged, [2, 4, 3, 5, 5]);
      for (const x of [merged, split]) expect([x.buffer, x.spatial]).toEqual([sequence.buffer, 2]);
    });
  });

  it("computes the size given as -1", () => {
    expect(values((x) => reshape(x, [-1, 4]), { shape: [2, 3, 2] }).shape).toEqual([3, 4]);
  });

  it("refuses a shape of another size", () => {
    scope(() => {
      const message = /reshape: expected a shape for the 6 elements of \[2,3\], got/;
      for (const shape of [[4], [-1, 4], [-1, -1], [2, 3, 0, -1]]) {
        expect(() => reshape(Tensor.ones([2, 3]), shape)).toThrow(message);
      }
    });
  });

  it("has the gradient of its finite differences", () => {
    for (const shape of [[2, 1, 3, 4, 5], [6, 20], [120]]) {
      for (const spatial of [0, 2]) expectGradients((x) => reshape(x, shape), [{ shape: IMAGE, spatial }]);
    }
  });

  it("flattens in C,H,W order", () => {
    const got = values((x) => flatten(x, 1), { shape: IMAGE, spatial: 2, data: counting(IMAGE) });
    expect(got).toEqual({ shape: [2, 60], data: [...counting(IMAGE)] });
    expectSameInEveryLayout((x) => flatten(x, 2), [{ shape: IMAGE, spatial: 2 }]);
    expectGradients((x) => flatten(x, 1), [{ shape: IMAGE, spatial: 2 }]);
  });
});

describe("permute", () => {
  it("moves axes as NumPy's transpose", () => {
    const got = values((x) => permute(x, [1, 0]), { shape: [2, 3], data: [0, 1, 2, 3, 4, 5] });
    expect(got).toEqual({ shape: [3, 2], data: [0, 3, 1, 4, 2, 5] });
  });

  it("has the gradient of its finite differences, the same in every layout", () => {
    for (const axes of [
      [3, 1, 0, 2],
      [0, 2, 3, 1],
      [-1, 0, 1, 2],
    ]) {
      expectGradients((x) => permute(x, axes), [{ shape: IMAGE, spatial: 2 }]);
      expectSameInEveryLayout((x) => permute(x, axes), [{ shape: IMAGE, spatial: 2 }]);
    }
  });

  it("refuses axes that are not each axis once", () => {
    scope(() =>
      expect(() => permute(Tensor.ones([2, 3]), [0, 0])).toThrow(/expected each axis of \[2,3\] once, got \[0, 0\]/),
    );
  });
});

describe("repeatLeading", () => {
  it("copies a tensor T times and sums the gradient over T", () => {
    const got = values((x) => repeatLeading(x, 3), { shape: [2], data: [1, 2] });
    expect(got).toEqual({ shape: [3, 2], data: [1, 2, 1, 2, 1, 2] });
    expectGradients((x) => repeatLeading(x, 3), [{ shape: IMAGE, spatial: 2 }]);
    expectSameInEveryLayout((x) => repeatLeading(x, 2), [{ shape: IMAGE, spatial: 2 }]);
  });

  it("refuses less than one copy", () => {
    scope(() =>
      expect(() => repeatLeading(Tensor.ones([1]), 0)).toThrow(/expected a whole number of at least 1, got 0/),
    );
  });
});

describe("slice and select", () => {
  it("cuts a range out along any axis", () => {
    const input = { shape: [2, 3, 2], data: counting([2, 3, 2]) };
    expect(values((x) => slice(x, 1, 1, 3), input)).toEqual({ shape: [2, 2, 2], data: [2, 3, 4, 5, 8, 9, 10, 11] });
    expect(values((x) => slice(x, 0, -1), input)).toEqual({ shape: [1, 3, 2], data: [6, 7, 8, 9, 10, 11] });
    expect(values((x) => slice(x, 2, 0, -1), input).data).toEqual([0, 2, 4, 6, 8, 10]);
    expect(values((x) => slice(x, 0, 1, 1), input).shape).toEqual([0, 3, 2]);
  });

  it("selects one index, and the axis disappears", () => {
    for (const axis of [0, 1, 2, 3]) {
      const size = IMAGE[axis]!;
      for (const spatial of [0, 1, 2, 3]) {
        const got = values((x) => select(x, axis, -1), { shape: IMAGE, spatial, data: counting(IMAGE) });
        const stride = IMAGE.slice(axis + 1).reduce((a, b) => a * b, 1);
        const expected = [...counting(IMAGE)].filter((flat) => Math.floor(flat / stride) % size === size - 1);
        expect(got).toEqual({ shape: IMAGE.filter((_, i) => i !== axis), data: expected });
      }
    }
  });

  it("has the gradient of its finite differences along every axis", () => {
    for (const axis of [0, 1, 2, 3]) {
      expectGradients((x) => slice(x, axis, 1), [{ shape: IMAGE, spatial: 2 }]);
      expectGradients((x) => select(x, axis, 0), [{ shape: IMAGE, spatial: 2 }]);
      expectSameInEveryLayout((x) => select(x, axis, 1), [{ shape: IMAGE, spatial: 2 }]);
    }
  });

  it("names a range outside the axis", () => {
    scope(() => {
      const x = Tensor.ones([2, 3]);
      expect(() => slice(x, 1, 1, 4)).toThrow("slice: expected a range inside 0 to 3 of axis 1 of [2,3], got 1 to 4");
      expect(() => select(x, 0, 2)).toThrow("select: expected an index from -2 to 1 along axis 0 of [2,3], got 2");
    });
  });
});

describe("concat, stack and unstack", () => {
  const pieces = (axis: number) => [1, 2, 3].map((size, i) => IMAGE.map((old, a) => (a === axis ? size + i : old)));

  it("joins tensors along any axis, mixed layouts included", () => {
    const got = values(
      (a, b) => concat([a, b], 1),
      { shape: [2, 1], data: [1, 2] },
      { shape: [2, 2], data: [3, 4, 5, 6] },
    );
    expect(got).toEqual({ shape: [2, 3], data: [1, 3, 4, 2, 5, 6] });
    for (const axis of [0, 1, 2, 3]) {
      const inputs = pieces(axis).map((shape) => ({ shape, spatial: 2 }));
      expectSameInEveryLayout((...tensors) => concat(tensors, axis), inputs);
      expectGradients((...tensors) => concat(tensors, axis), inputs);
    }
  });

  it("gives back the pieces that were joined", () => {
    scope(() => {
      const tensors = pieces(2).map((shape, i) =>
        Tensor.from(
          randomNumbers(
            shape.reduce((a, b) => a * b, 1),
            i,
          ),
          shape,
        ),
      );
      const joined = concat(tensors, 2);
      let start = 0;
      for (const tensor of tensors) {
        expect(slice(joined, 2, start, start + tensor.shape[2]!).toArray()).toEqual(tensor.toArray());
        start += tensor.shape[2]!;
      }
    });
  });

  it("stacks along a new axis", () => {
    const got = values((a, b) => stack([a, b]), { shape: [2], data: [1, 2] }, { shape: [2], data: [3, 4] });
    expect(got).toEqual({ shape: [2, 2], data: [1, 2, 3, 4] });
    expect(
      values((a, b) => stack([a, b], -1), { shape: [2], data: [1, 2] }, { shape: [2], data: [3, 4] }).data,
    ).toEqual([1, 3, 2, 4]);
    for (const axis of [0, 1, 2, 3]) {
      const inputs = [0, 1].map(() => ({ shape: [2, 3, 4], spatial: 1 }));
      expectSameInEveryLayout((...tensors) => stack(tensors, axis), inputs);
      expectGradients((...tensors) => stack(tensors, axis), inputs);
    }
  });

  it("unstacks what was stacked, with the gradients of all members in one step", () => {
    for (const [shape, spatial] of [
      [[3, 2, 2, 2], 2],
      [[3, 2, 2, 2], 0],
      [[3, 2, 2], 2],
    ] as const) {
      scope(() => {
        const data = counting([...shape]);
        const x = leaf(data, shape, spatial);
        const members = unstack(x);
        expect(members.flatMap((member) => [...member.toArray()])).toEqual([...data]);
        // the middle member is not used
        backwardFrom([
          [members[0]!, Tensor.full(members[0]!.shape, 2)],
          [members[2]!, Tensor.full(members[2]!.shape, 3)],
        ]);
        const each = data.length / 3;
        expect([...x.grad!.toArray()]).toEqual([...data].map((_, i) => [2, 0, 3][Math.floor(i / each)]));
      });
    }
  });

  it("names the tensor that does not fit", () => {
    scope(() => {
      expect(() => concat([Tensor.ones([2, 3]), Tensor.ones([2, 4])], 0)).toThrow(
        "concat: expected float32 [2,3] up to axis 0, got float32 [2,4]",
      );
      expect(() => concat([], 0)).toThrow("concat: expected at least one tensor, got none");
    });
  });
});
