/** Batch normalisation on the device against the CPU: the same equations, sums in another order. */
import { expect, it } from "vitest";
import { type BufferId, core } from "../../src/kernels/index.ts";
import { from, noise, read, room, worstDifference } from "../kernels/buffers.ts";
import { onBoth, whole } from "./both.ts";
import { describeOnDevice } from "./device.ts";
import { expectSameBits, placesApart, replayed } from "./same-bits.ts";

const EPSILON = 1e-5;
/** Both sides sum in double precision, in two orders: after rounding to float32 equal or, rarely, neighbours. */
const ONE_PLACE = 1;
/**
 * A mean one place off moves every y by its share of that place: about 2^-24 times mean / std, which is at most 60 here. The same holds for
 * gradients, whose size here is at most 10.
 */
const MOVED = 1e-5;

type Shape = [rows: number, channels: number];

/** One row; few and odd channels; four channels to a thread; several blocks with a second pass; more channels than a block has threads. */
const SHAPES: Shape[] = [
  [1, 5],
  [2, 4],
  [7, 3],
  [1000, 1],
  [513, 130],
  [900, 64],
  [20_000, 8],
  [9_000, 17],
  [40, 1500],
];

interface Buffers {
  x: BufferId;
  gradY: BufferId;
  weight: BufferId;
  bias: BufferId;
  affine: BufferId;
  out: BufferId[];
}

const NAMES = ["y", "mean", "variance", "gradX", "gradWeight", "gradBias", "inferred", "gradX of constants"];

function prepare([rows, channels]: Shape, numbers: (count: number, seed: number) => Float32Array): Buffers {
  const [all, each] = [rows * channels, channels];
  return {
    x: from(numbers(all, 1)),
    gradY: from(numbers(all, 2)),
    weight: from(noise(channels, 3)),
    bias: from(noise(channels, 4)),
    affine: room(2 * channels),
    out: [all, each, each, all, each, each, all, all].map(room),
  };
}

function step([rows, channels]: Shape, { x, gradY, weight, bias, affine, out }: Buffers): void {
  const [y, mean, variance, gradX, gradWeight, gradBias, inferred, constant] = out as [number, ...number[]] & number[];
  core().batchNormTrain(rows, channels, EPSILON, x, weight, bias, mean!, variance!, affine);
  core().channelAffine(rows, channels, x, affine, y);
  core().batchNormBackward(
    ...([true, rows, channels, EPSILON, x, gradY, mean!, variance!, weight, gradX!, gradWeight!, gradBias!] as const),
  );
  core().batchNormInfer(channels, EPSILON, mean!, variance!, 0, 0, affine);
  core().channelAffine(rows, channels, x, affine, inferred!);
  core().batchNormBackward(false, rows, channels, EPSILON, x, gradY, mean!, variance!, 0, constant!, 0, 0);
}

function everything(shape: Shape, numbers: (count: number, seed: number) => Float32Array): Float32Array[] {
  const buffers = prepare(shape, numbers);
  step(shape, buffers);
  return buffers.out.map(read);
}

/** Means of about 20 with a spread of about 0.6. */
const offCentre = (count: number, seed: number) => noise(count, seed).map((value) => value + 20);

describeOnDevice("batch normalisation on a device", () => {
  it("gives the CPU's bits where sums are exact, as over spikes", () => {
    for (const shape of SHAPES) {
      const numbers = (count: number, seed: number) => whole(noise(count, seed), 4);
      const [cpu, device] = onBoth(() => everything(shape, numbers));
      // Gradients of the weights sum products with the mean, which are not exact.
      for (const which of [0, 1, 2, 5, 6, 7])
        expectSameBits(device[which]!, cpu[which]!, `${NAMES[which]} of [${shape}]`);
    }
  });

  it("gives the CPU's moments but for the last place, and results that differ by no more than that", () => {
    for (const shape of SHAPES) {
      const [cpu, device] = onBoth(() => everything(shape, offCentre));
      for (const which of [1, 2, 5]) {
        expect(placesApart(device[which]!, cpu[which]!), `${NAMES[which]} of [${shape}]`).toBeLessThanOrEqual(
          ONE_PLACE,
        );
      }
      for (const which of [0, 3, 4, 6, 7]) {
        const scale = Math.max(1, ...cpu[which]!.slice(0, 1000).map(Math.abs));
        expect(
          worstDifference(device[which]!, cpu[which]!, scale),
          `${NAMES[which]} of [${shape}]`,
        ).toBeLessThanOrEqual(MOVED);
      }
    }
  });

  it("lets NaN and infinity spoil their own channel only", () => {
    const x = noise(300 * 6, 5);
    x[100 * 6 + 2] = Number.NaN;
    x[200 * 6 + 4] = Number.POSITIVE_INFINITY;
    const [cpu, device] = onBoth(() => everything([300, 6], (_, seed) => (seed === 1 ? x : noise(1800, seed))));
    for (const [which, values] of device.entries()) {
      values.forEach((value, i) => {
        expect(Number.isFinite(value), `${NAMES[which]}, value ${i}`).toBe(Number.isFinite(cpu[which]![i]!));
      });
    }
  });

  it("refuses no rows and no channels like the CPU", () => {
    expect(() => onBoth(() => everything([0, 3], noise))).toThrow(/at least one row/);
  });

  it("runs again when a recorded step is replayed", () => {
    const shape: Shape = [5000, 12];
    const { out } = replayed(
      () => prepare(shape, offCentre),
      (buffers) => step(shape, buffers),
    );
    const [, device] = onBoth(() => everything(shape, offCentre));
    for (const [which, buffer] of out.entries())
      expectSameBits(read(buffer), device[which]!, `${NAMES[which]}, replayed`);
  });
});
