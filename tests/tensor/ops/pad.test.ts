import { describe, expect, it } from "vitest";
import { conv1d, type PadMode, pad, scope, Tensor } from "../../../src/tensor/index.ts";
import { expectGradients, expectSameInEveryLayout, values } from "../gradient.ts";

describe("pad", () => {
  it.each<[PadMode, number[]]>([
    ["zeros", [0, 0, 1, 2, 3, 4, 0]],
    ["reflect", [3, 2, 1, 2, 3, 4, 3]],
    ["replicate", [1, 1, 1, 2, 3, 4, 4]],
    ["circular", [3, 4, 1, 2, 3, 4, 1]],
  ])("adds %s outside", (mode, expected) => {
    const got = values((x) => pad(x!, [[2, 1]], mode), { shape: [1, 1, 4], data: [1, 2, 3, 4] });
    expect(got).toEqual({ shape: [1, 1, 7], data: expected });
  });

  it.each<PadMode>(["zeros", "reflect", "replicate", "circular"])(
    "%s has the gradient of its finite differences",
    (mode) => {
      const input = { shape: [2, 3, 3, 4], spatial: 2 };
      const operation = (x: Tensor) =>
        pad(
          x,
          [
            [1, 2],
            [2, 0],
          ],
          mode,
        );
      expectGradients(operation, [input]);
      expectSameInEveryLayout(operation, [input]);
    },
  );

  it("keeps the layout of an image", () => {
    scope(() => expect(pad(Tensor.ones([1, 2, 3, 3]).view([1, 2, 3, 3], 2), [[1, 1]]).spatial).toBe(2));
  });

  it("keeps the size of a convolution with padding 'same', an odd zero behind", () => {
    const got = values(
      (x, w) => conv1d(x!, w!, null, { padding: "same" }),
      { shape: [1, 1, 3], data: [1, 2, 3] },
      { shape: [1, 1, 4], data: [1, 10, 100, 1000] },
    );
    // three zeros: one in front, two behind
    expect(got).toEqual({ shape: [1, 1, 3], data: [3210, 321, 32] });
  });

  it("names a padding that reaches beyond the input", () => {
    scope(() => {
      const x = Tensor.ones([1, 1, 3]);
      expect(() => pad(x, [[3, 0]], "reflect")).toThrow(
        "pad (reflect): expected whole numbers from 0 to 2 for axis 2 of [1,1,3], got 3 and 0",
      );
      expect(() => conv1d(x, Tensor.ones([1, 1, 3]), null, { padding: "same", stride: 2 })).toThrow(
        'conv1d padding: expected stride 1 with padding "same", got stride 2',
      );
    });
  });
});
