/** Pooling against plain loops: winners, divisors and gradients, over 1 to 3 axes. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { core, type PoolOp, type PoolSpec } from "../../src/kernels/index.ts";
import { bytes, floats, from, noise, read, readInts, result, room, worstDifference } from "./buffers.ts";
import { points, unravel, walk, windows } from "./geometry.ts";

/** Sums of at most 64 numbers below 1 in float32. */
const TOLERANCE = 1e-5;

/** PyTorch's divisor: the given one, the window clipped to the padded input, or the elements of the input inside the window. */
function divisor(spec: PoolSpec, output: number, inside: number): number {
  if (spec.divisor > 0) return spec.divisor;
  if (!spec.countIncludePad) return inside;
  const at = unravel(output, spec.output);
  return points(
    at.map((o, a) => {
      const end = spec.input[a]! + spec.padding[a]!;
      let taps = 0;
      for (let k = 0; k < spec.kernel[a]!; k++) {
        if (o * spec.stride[a]! - spec.padding[a]! + k * spec.dilation[a]! < end) taps++;
      }
      return taps;
    }),
  );
}

function poolLoops(op: PoolOp, spec: PoolSpec, x: Float32Array, gradY: Float32Array) {
  const { batch, channels } = spec;
  const inputs = points(spec.input);
  const outputs = points(spec.output);
  const y = new Float64Array(batch * outputs * channels).fill(op === "max" ? Number.NEGATIVE_INFINITY : 0);
  const winners = new Int32Array(y.length).fill(-1);
  const gradX = new Float64Array(x.length);
  const inside = new Int32Array(outputs);
  walk(spec, (output) => {
    inside[output]!++;
  });
  for (let n = 0; n < batch; n++) {
    for (let c = 0; c < channels; c++) {
      const source = (input: number) => (n * inputs + input) * channels + c;
      const target = (output: number) => (n * outputs + output) * channels + c;
      const scale = (output: number) => (op === "avg" ? divisor(spec, output, inside[output]!) : 1);
      walk(spec, (output, tap, input) => {
        const value = x[source(input)]!;
        if (op !== "max") y[target(output)]! += value / scale(output);
        else if (winners[target(output)] === -1 || value > y[target(output)]!) {
          y[target(output)] = value;
          winners[target(output)] = tap;
        }
      });
      walk(spec, (output, tap, input) => {
        if (op === "max" && winners[target(output)] !== tap) return;
        gradX[source(input)]! += gradY[target(output)]! / scale(output);
      });
    }
  }
  return { y, winners, gradX };
}

describe("pooling", () => {
  const specs: fc.Arbitrary<PoolSpec> = fc
    .record({
      window: windows({ maxStride: 3, halfPadding: true, ceil: true }),
      batch: fc.integer({ min: 1, max: 3 }),
      channels: fc.constantFrom(1, 2, 3, 7, 16, 33),
      countIncludePad: fc.boolean(),
      divisor: fc.constantFrom(0, 0, 3),
    })
    .map(({ window, ...rest }) => ({ ...window, ...rest }));

  for (const op of ["max", "avg", "sum"] as const) {
    it(`${op} agrees with loops, forward and backward`, () => {
      fc.assert(
        fc.property(specs, (spec) => {
          // Spikes have many equal values in a window: the first must win.
          const values = noise(spec.batch * points(spec.input) * spec.channels, 11);
          const x = op === "max" ? values.map((value) => Math.round(value * 2)) : values;
          const gradY = noise(spec.batch * points(spec.output) * spec.channels, 12);
          const expected = poolLoops(op, spec, x, gradY);
          const indices = op === "max" ? bytes(gradY.length * 4) : 0;
          const y = result(gradY.length, (out) => core().poolForward(op, spec, from(x), out, indices));
          const gradX = result(x.length, (out) => core().poolBackward(op, spec, from(gradY), indices, out));
          const label = JSON.stringify(spec);
          expect(worstDifference(y, expected.y), `y ${label}`).toBeLessThan(TOLERANCE);
          expect(worstDifference(gradX, expected.gradX), `gradX ${label}`).toBeLessThan(TOLERANCE);
          if (op === "max") {
            expect([...readInts(indices)], `winners ${label}`).toEqual([...expected.winners]);
            const alone = result(gradY.length, (out) => core().poolForward(op, spec, from(x), out, 0));
            expect([...alone]).toEqual([...y]);
          }
        }),
        { numRuns: 120 },
      );
    });
  }

  const twoByTwo: PoolSpec = {
    batch: 1,
    channels: 1,
    input: [2, 2],
    kernel: [2, 2],
    stride: [2, 2],
    padding: [0, 0],
    dilation: [1, 1],
    output: [1, 1],
    countIncludePad: true,
    divisor: 0,
  };

  it("gives the whole gradient of equal maxima to the first", () => {
    const indices = bytes(4);
    core().poolForward("max", twoByTwo, floats([0, 1, 1, 1]), room(1), indices);
    expect([...readInts(indices)]).toEqual([1]);
    expect([...result(4, (out) => core().poolBackward("max", twoByTwo, floats([5]), indices, out))]).toEqual([
      0, 5, 0, 0,
    ]);
  });

  it("lets NaN through", () => {
    expect([...result(1, (out) => core().poolForward("max", twoByTwo, floats([0, Number.NaN, 3, 1]), out, 0))]).toEqual(
      [Number.NaN],
    );
  });

  it("finds a maximum of minus infinity at the first element", () => {
    const indices = bytes(4);
    const low = Number.NEGATIVE_INFINITY;
    core().poolForward("max", twoByTwo, floats([low, low, low, low]), room(1), indices);
    expect([...readInts(indices)]).toEqual([0]);
  });

  it("refuses strides of 0, and a maximum's gradient without its winners", () => {
    const x = floats([1, 2, 3, 4]);
    expect(() => core().poolForward("max", { ...twoByTwo, stride: [0, 1] }, x, room(1), 0)).toThrow(
      /strides and dilations of at least 1/,
    );
    expect(() => core().poolBackward("max", twoByTwo, x, 0, room(4))).toThrow(
      /the indices that the forward pass wrote/,
    );
  });

  it("works on rows split over threads", () => {
    const spec: PoolSpec = { ...twoByTwo, batch: 5, channels: 19, input: [40, 38], output: [20, 19] };
    const x = noise(5 * 40 * 38 * 19, 13);
    const gradY = noise(5 * 20 * 19 * 19, 14);
    for (const op of ["max", "avg"] as const) {
      const expected = poolLoops(op, spec, x, gradY);
      const indices = op === "max" ? bytes(gradY.length * 4) : 0;
      const y = room(gradY.length);
      core().poolForward(op, spec, from(x), y, indices);
      expect(worstDifference(read(y), expected.y)).toBeLessThan(TOLERANCE);
      const gradX = result(x.length, (out) => core().poolBackward(op, spec, from(gradY), indices, out));
      expect(worstDifference(gradX, expected.gradX)).toBeLessThan(TOLERANCE);
    }
  });
});
