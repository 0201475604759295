/** Reductions on the device: extremes and counts are the CPU's, sums are its sums in another order. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { core, type ReduceOp } from "../../src/kernels/index.ts";
import { from, noise, read, readInts, result, room } from "../kernels/buffers.ts";
import { onBoth, whole, withoutNegativeZero } from "./both.ts";
import { describeOnDevice } from "./device.ts";
import { anyFloats, expectSameBits, placesApart, replayed } from "./same-bits.ts";

/** Sums are double precision on both sides, in two orders: after rounding to float32 they are equal or, rarely, neighbours. */
const ONE_PLACE = 1;
/** Two orders of a double sum of positive numbers: about the square root of the count times 2^-53. */
const DOUBLE_ORDER = 1e-13;

type Shape = [outer: number, axis: number, inner: number];

/** Every way to cut the work: a thread for each result, one block for each column tile, and chunks that meet in a second pass. */
const SHAPES: Shape[] = [
  [1, 1, 1],
  [1, 100_003, 1],
  [1, 5000, 10],
  [3, 517, 257],
  [2, 3000, 64],
  [700, 65, 1],
  [40_000, 3, 1],
  [600, 20, 64],
  [40_000, 10, 1],
  [1, 7, 3001],
  [5, 0, 4],
  [0, 4, 4],
];

const count = (shape: Shape) => shape[0] * shape[1] * shape[2];

function reduced(op: ReduceOp, x: Float32Array, shape: Shape): Float32Array {
  return result(shape[0] * shape[2], (out) => core().reduce(op, from(x), ...shape, out));
}

describeOnDevice("a reduction on a device", () => {
  it("sums whole numbers, such as spikes, to the CPU's bits", () => {
    for (const shape of SHAPES) {
      const x = whole(noise(count(shape), 3));
      for (const op of ["sum", "mean"] as const) {
        const [cpu, device] = withoutNegativeZero(onBoth(() => reduced(op, x, shape)));
        expectSameBits(device!, cpu!, `${op} of [${shape}]`);
      }
    }
  });

  it("sums any numbers to the same or the neighbouring float32", () => {
    const shapes = fc.tuple(
      fc.integer({ max: 40, min: 0 }),
      fc.integer({ max: 900, min: 0 }),
      fc.integer({ max: 70, min: 0 }),
    );
    fc.assert(
      fc.property(
        shapes.filter((shape) => count(shape) < 100_000),
        fc.constantFrom("sum" as const, "mean" as const),
        (shape, op) => {
          const [cpu, device] = onBoth(() =>
            reduced(
              op,
              noise(count(shape), 4).map((v) => v + 1),
              shape,
            ),
          );
          expect(placesApart(device, cpu), `${op} of [${shape}]`).toBeLessThanOrEqual(ONE_PLACE);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("gives the same bits at every run", () => {
    const x = noise(200_000, 5);
    const [, first] = onBoth(() => reduced("sum", x, [1, 20_000, 10]));
    const [, second] = onBoth(() => reduced("sum", x, [1, 20_000, 10]));
    expectSameBits(second, first, "a second run");
  });

  it("finds the first maximum and its index, the first NaN if there is one", () => {
    for (const shape of SHAPES.filter(([, axis]) => axis > 0)) {
      for (const x of [anyFloats(count(shape), 6), whole(noise(count(shape), 7), 2), noise(count(shape), 8)]) {
        const [cpu, device] = onBoth(() => reduced("max", x, shape));
        expectSameBits(device, cpu, `max of [${shape}]`);
        const [cpuIndex, deviceIndex] = onBoth(() => {
          const out = room(shape[0] * shape[2]);
          core().reduce("argmax", from(x), ...shape, out);
          return readInts(out);
        });
        expectSameBits(deviceIndex, cpuIndex, `argmax of [${shape}]`);
      }
    }
  });

  it("refuses the maximum of nothing", () => {
    expect(() => onBoth(() => reduced("max", new Float32Array(0), [2, 0, 3]))).toThrow(/at least one element/);
  });

  it("counts differences and finds the first, wherever it is", () => {
    for (const size of [1, 4, 5, 1027, 90_001]) {
      for (const places of [[], [0], [size - 1], [size >> 1, size - 1]]) {
        const a = noise(size, 9);
        const b = Float32Array.from(a);
        for (const place of places) b[place] = 5;
        const [cpu, device] = onBoth(() => core().countDifferent(from(a), from(b), size));
        expect(device).toEqual(cpu);
        expect(device.different).toBe(new Set(places).size);
      }
    }
    const nan = Float32Array.of(Number.NaN, 0, 1);
    const [cpu, device] = onBoth(() => core().countDifferent(from(nan), from(Float32Array.of(Number.NaN, -0, 1)), 3));
    expect(device).toEqual({ different: 1, first: 0 });
    expect(device).toEqual(cpu);
    expect(onBoth(() => core().countDifferent(from(nan), from(nan), 0))[1]).toEqual({ different: 0, first: -1 });
  });

  it("counts NaN and infinities, and sums squares", () => {
    for (const size of [0, 1, 3, 4, 4099, 150_001]) {
      const x = anyFloats(size, 10);
      const [cpu, device] = onBoth(() => core().countNonFinite(from(x), size));
      expect(device).toBe(cpu);
      const y = noise(size, 11);
      const [sum, deviceSum] = onBoth(() => core().sumSquares(from(y), size));
      expect(Math.abs(deviceSum - sum)).toBeLessThanOrEqual(DOUBLE_ORDER * sum);
    }
    expect(onBoth(() => core().sumSquares(from(Float32Array.of(1, Number.NaN)), 2))[1]).toBeNaN();
  });

  it("runs again when a recorded step is replayed; what answers with a number is refused there", () => {
    const x = whole(noise(60_000, 12));
    const { out } = replayed(
      () => ({ x: from(x), out: room(6) }),
      ({ x, out }) => core().reduce("sum", x, 1, 10_000, 6, out),
    );
    expectSameBits(read(out), reduced("sum", x, [1, 10_000, 6]), "a replayed sum");
    for (const refused of [
      (buffer: number) => core().countNonFinite(buffer, 4),
      (buffer: number) => core().sumSquares(buffer, 4),
      (buffer: number) => core().countDifferent(buffer, buffer, 4),
    ]) {
      expect(() => replayed(() => from(noise(4)), refused)).toThrow(/a step that is being recorded/);
    }
  });
});
