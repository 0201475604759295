/** Two windows as one: the same sums on every image, or a refusal with its reason. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { composeWindows, type ImageWindow } from "../../src/quantize/index.ts";

/** A row of pixels is enough: both axes are treated alike, each by itself. */
interface Row {
  kernel: number[];
  stride: number;
  padding: number;
  dilation: number;
}

const row = (padding: fc.Arbitrary<number>): fc.Arbitrary<Row> =>
  fc.record({
    kernel: fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 1, maxLength: 4 }),
    stride: fc.integer({ min: 1, max: 3 }),
    padding,
    dilation: fc.integer({ min: 1, max: 2 }),
  });
const anyPadding = fc.integer({ min: 0, max: 2 });
const image = fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 20 });

/** Correlation with zeros around, as the chip does it. */
function run(pixels: readonly number[], { kernel, stride, padding, dilation }: Row): number[] {
  const places = Math.floor((pixels.length + 2 * padding - dilation * (kernel.length - 1) - 1) / stride) + 1;
  return Array.from({ length: Math.max(0, places) }, (_, place) =>
    kernel.reduce((sum, weight, tap) => sum + weight * (pixels[place * stride - padding + tap * dilation] ?? 0), 0),
  );
}

/** The row as the second axis of a window. */
const windowOf = ({ kernel, stride, padding, dilation }: Row): ImageWindow => ({
  kernelSize: [1, kernel.length],
  stride: [1, stride],
  padding: [0, padding],
  dilation: [1, dilation],
});

/** The composed window as a row, null where it was refused. */
function compose(first: Row, second: Row, length: number): Row | null {
  const composed = composeWindows(windowOf(first), windowOf(second), [1, length]);
  if ("refusal" in composed) return null;
  const { kernelSize, stride, padding } = composed.window;
  expect([kernelSize[0], stride[0], padding[0]]).toEqual([1, 1, 0]);
  const kernel = new Array<number>(kernelSize[1]!).fill(0);
  first.kernel.forEach((a, i) => {
    second.kernel.forEach((b, j) => {
      kernel[composed.tap(1, i, j)]! += a * b;
    });
  });
  return { kernel, stride: stride[1]!, padding: padding[1]!, dilation: 1 };
}

describe("two windows one after the other", () => {
  it("are one window with the same sums wherever they compose", () => {
    let composed = 0;
    fc.assert(
      fc.property(image, row(anyPadding), row(anyPadding), (pixels, first, second) => {
        const between = run(pixels, first);
        const one = compose(first, second, pixels.length);
        if (between.length === 0 || !one) return;
        composed++;
        expect(run(pixels, one)).toEqual(run(between, second));
      }),
      { numRuns: 2000 },
    );
    expect(composed).toBeGreaterThan(300);
  });

  it("always compose where the second one pads nothing", () => {
    fc.assert(
      fc.property(image, row(anyPadding), row(fc.constant(0)), (pixels, first, second) => {
        const [between, span] = [run(pixels, first), second.dilation * (second.kernel.length - 1) + 1];
        fc.pre(between.length >= span);
        expect(compose(first, second, pixels.length)).not.toBeNull();
      }),
    );
  });

  it("do not compose where the zeros around the second one are pixels of the image, and the reason says so", () => {
    const overlapping: ImageWindow = { kernelSize: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1] };
    const padded: ImageWindow = { kernelSize: [3, 3], stride: [1, 1], padding: [1, 1], dilation: [1, 1] };
    // 5 pixels: the pool leaves the last one out, the padding of the convolution lies over it
    expect(composeWindows(overlapping, padded, [5, 5])).toEqual({
      refusal: "The padding between both windows is zeros; one window would see the image there.",
    });
    expect(composeWindows(overlapping, padded, [4, 4])).toMatchObject({
      window: { kernelSize: [6, 6], stride: [2, 2], padding: [2, 2] },
    });
  });
});
