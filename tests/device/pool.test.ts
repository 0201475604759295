/** Pooling on the device: the CPU's outputs, winners and gradients bit for bit. */
import fc from "fast-check";
import { it } from "vitest";
import { core, type PoolOp, type PoolSpec } from "../../src/kernels/index.ts";
import { bytes, from, noise, read, readInts, result, room } from "../kernels/buffers.ts";
import { points, windows } from "../kernels/geometry.ts";
import { onBoth } from "./both.ts";
import { describeOnDevice } from "./device.ts";
import { anyFloats, expectSameBits, replayed } from "./same-bits.ts";

const specs: fc.Arbitrary<PoolSpec> = fc
  .record({
    window: windows({ maxStride: 3, halfPadding: false, ceil: true }),
    batch: fc.integer({ min: 1, max: 3 }),
    channels: fc.constantFrom(1, 3, 4, 8, 17),
    countIncludePad: fc.boolean(),
    divisor: fc.constantFrom(0, 0, 3),
  })
  .map(({ window, ...rest }) => ({ ...window, ...rest }));

const inputs = (spec: PoolSpec) => spec.batch * points(spec.input) * spec.channels;
const outputs = (spec: PoolSpec) => spec.batch * points(spec.output) * spec.channels;

interface Pooled {
  y: Float32Array;
  winners: Int32Array;
  gradX: Float32Array;
}

function pooled(op: PoolOp, spec: PoolSpec, x: Float32Array): Pooled {
  const y = room(outputs(spec));
  const indices = op === "max" ? bytes(outputs(spec) * 4) : 0;
  core().poolForward(op, spec, from(x), y, indices);
  const gradY = from(noise(outputs(spec), 2));
  const gradX = result(inputs(spec), (out) => core().poolBackward(op, spec, gradY, indices, out));
  return { y: read(y), winners: op === "max" ? readInts(indices) : new Int32Array(0), gradX };
}

function samePool(op: PoolOp, spec: PoolSpec, x: Float32Array): void {
  const [cpu, device] = onBoth(() => pooled(op, spec, x));
  const what = `${op} of ${JSON.stringify(spec)}`;
  expectSameBits(device.y, cpu.y, `output, ${what}`);
  expectSameBits(device.winners, cpu.winners, `winners, ${what}`);
  expectSameBits(device.gradX, cpu.gradX, `gradient, ${what}`);
}

const square = (input: number, kernel: number, stride: number, padding = 0): Omit<PoolSpec, "batch" | "channels"> => {
  const output = Math.floor((input + 2 * padding - kernel) / stride) + 1;
  const both = (size: number) => [size, size];
  return {
    ...{ input: both(input), kernel: both(kernel), stride: both(stride), padding: both(padding), dilation: [1, 1] },
    ...{ output: both(output), countIncludePad: false, divisor: 0 },
  };
};

describeOnDevice("pooling on a device", () => {
  it("gives the CPU's bits for maxima, averages and sums over 1, 2 and 3 axes, windows in the padding included", () => {
    fc.assert(
      fc.property(specs, fc.constantFrom<PoolOp>("max", "avg", "sum"), fc.boolean(), (spec, op, anyNumbers) => {
        samePool(op, spec, anyNumbers ? anyFloats(inputs(spec), 1) : noise(inputs(spec), 1));
      }),
      { numRuns: 200 },
    );
  });

  it("gives the CPU's bits where threads take four channels each", () => {
    // 2 * 64 * 64 * 64 results: from half a million on.
    const spec: PoolSpec = { ...square(64, 3, 1, 1), batch: 2, channels: 64 };
    const x = noise(inputs(spec), 3);
    for (const op of ["max", "avg", "sum"] as const) samePool(op, spec, x);
  });

  it("pools whole images, and nothing where there is no image", () => {
    const spec: PoolSpec = { ...square(7, 7, 1), batch: 3, channels: 20 };
    samePool("avg", spec, noise(inputs(spec), 4));
    samePool("max", { ...spec, batch: 0 }, new Float32Array(0));
  });

  it("runs again when a recorded step is replayed", () => {
    const spec: PoolSpec = { ...square(8, 2, 2), batch: 2, channels: 5 };
    const x = noise(inputs(spec), 5);
    const { y, gradX } = replayed(
      () => ({
        ...{ x: from(x), y: room(outputs(spec)), indices: bytes(outputs(spec) * 4) },
        ...{ gradY: from(noise(outputs(spec), 2)), gradX: room(inputs(spec)) },
      }),
      ({ x, y, indices, gradY, gradX }) => {
        core().poolForward("max", spec, x, y, indices);
        core().poolBackward("max", spec, gradY, indices, gradX);
      },
    );
    const expected = pooled("max", spec, x);
    expectSameBits(read(y), expected.y, "a replayed output");
    expectSameBits(read(gradX), expected.gradX, "a replayed gradient");
  });
});
