/** Weights from a file become tensors only when they are finite. */
import { describe, expect, it } from "vitest";
import {
  refuseNonFinite,
  storedFloats,
  storedFromTensor,
  tensorFromStored,
} from "../../../src/model/checkpoint/index.ts";
import { errorOf } from "../../error-of.ts";

describe("stored tensors", () => {
  it("become tensors and come back", () => {
    const tensor = tensorFromStored("file", "w", storedFloats(Float32Array.of(1, 2, 3, 4), [2, 2]));
    expect(storedFromTensor(tensor)).toEqual({ dtype: "F32", shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) });
    tensor.dispose();
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "are refused with the place of a %s",
    (value) => {
      const error = errorOf(() =>
        tensorFromStored("file", "conv.weight", storedFloats(Float32Array.of(1, value), [2])),
      );
      expect(error.code).toBe("VALUE");
      expect(error.message).toContain('file: "conv.weight"[1]: expected finite numbers');
      expect(() => refuseNonFinite("file", "w", [1, 2])).not.toThrow();
    },
  );

  it("are refused when numbers and shape differ", () => {
    expect(errorOf(() => storedFloats(new Float32Array(3), [2, 2])).code).toBe("SHAPE");
  });
});
