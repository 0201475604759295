/** Permutations and strided copies on the device: the CPU's bytes. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { core } from "../../src/kernels/index.ts";
import { bytes, floats, from, read } from "../kernels/buffers.ts";
import { onBoth } from "./both.ts";
import { describeOnDevice } from "./device.ts";
import { expectSameBits, replayed } from "./same-bits.ts";

const product = (sizes: readonly number[]) => sizes.reduce((all, size) => all * size, 1);

/** Bytes in which neighbours differ, also as wider elements. */
const pattern = (count: number) => Uint8Array.from({ length: count }, (_, i) => (i * 7 + (i >> 8) * 13) & 255);

function readBytes(buffer: number): Uint8Array {
  const values = new Uint8Array(core().byteLength(buffer));
  core().read(buffer, 0, values);
  return values;
}

function permuted(width: number, shape: number[], permutation: number[]): Uint8Array {
  const out = from(new Uint8Array(product(shape) * width).fill(0xee));
  core().permute(width, from(pattern(product(shape) * width)), shape, permutation, out);
  return readBytes(out);
}

function samePermutation(width: number, shape: number[], permutation: number[]): void {
  const [cpu, device] = onBoth(() => permuted(width, shape, permutation));
  expectSameBits(device, cpu, `${width} bytes, [${shape}] to axes [${permutation}]`);
}

describeOnDevice("a permutation on a device", () => {
  it("moves elements of 1, 2 and 4 bytes where the CPU does, for any shape and order of axes", () => {
    const cases = fc
      .array(fc.constantFrom(1, 2, 3, 4, 7, 8, 16, 33), { minLength: 0, maxLength: 5 })
      .filter((shape) => product(shape) <= 20000)
      .chain((shape) =>
        fc.record({
          shape: fc.constant(shape),
          permutation: fc.shuffledSubarray([...shape.keys()], { minLength: shape.length }),
          width: fc.constantFrom(1, 2, 4),
        }),
      );
    fc.assert(
      fc.property(cases, ({ width, shape, permutation }) => samePermutation(width, shape, permutation)),
      { numRuns: 200 },
    );
  });

  it("changes between channels first and channels last with few, many and odd channels", () => {
    for (const [channels, points] of [
      [2, 500],
      [3, 1031],
      [31, 77],
      [32, 64],
      [33, 65],
      [512, 3],
      [700, 33],
    ] as const) {
      samePermutation(4, [2, channels, points], [0, 2, 1]);
      samePermutation(4, [2, points, channels], [0, 2, 1]);
      samePermutation(1, [channels, 2, points], [2, 1, 0]);
    }
  });

  it("of an empty array does nothing", () => {
    expect(permuted(4, [3, 0, 2], [2, 0, 1])).toHaveLength(0);
    samePermutation(4, [3, 0, 2], [2, 0, 1]);
  });

  it("runs again when a recorded step is replayed", () => {
    const x = Float32Array.from({ length: 35 * 40 }, (_, i) => i);
    const { out } = replayed(
      () => ({ x: from(x), out: from(new Float32Array(x.length)) }),
      ({ x, out }) => core().permute(4, x, [35, 40], [1, 0], out),
    );
    expect([...read(out).subarray(0, 3)]).toEqual([0, 40, 80]);
  });
});

describeOnDevice("a strided copy on a device", () => {
  function copied(rows: number, block: number, at: [number, number], strides: [number, number]): Uint8Array {
    const source = from(pattern(at[0] + rows * strides[0] + block));
    const target = from(new Uint8Array(at[1] + rows * strides[1] + block).fill(0xee));
    core().copyStrided(rows, block, source, at[0], strides[0], target, at[1], strides[1]);
    return readBytes(target);
  }

  it("moves blocks of any length from any place to any place", () => {
    const number = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constantFrom(0, 4, 8, 16, 32, 64, 128));
    fc.assert(
      fc.property(fc.tuple(fc.integer({ min: 0, max: 20 }), number, number, number, number, number), (numbers) => {
        const [rows, block, sourceByte, targetByte, gap, targetGap] = numbers;
        const strides: [number, number] = [block + gap, block + targetGap];
        const [cpu, device] = onBoth(() => copied(rows, block, [sourceByte, targetByte], strides));
        expectSameBits(
          device,
          cpu,
          `${rows} blocks of ${block} from ${sourceByte} to ${targetByte}, strides ${strides}`,
        );
      }),
      { numRuns: 200 },
    );
  });

  it("repeats a block, and lets later blocks win where they meet", () => {
    for (const strides of [
      [0, 12],
      [12, 5],
      [12, 0],
      [4, 8],
    ] as [number, number][]) {
      const [cpu, device] = onBoth(() => copied(9, 12, [4, 8], strides));
      expectSameBits(device, cpu, `strides ${strides}`);
    }
  });

  it("within one buffer reads a block before it is overwritten", () => {
    for (const [rows, sourceByte, targetByte] of [
      [1, 0, 8],
      [1, 8, 0],
      [3, 0, 100],
    ] as const) {
      const [cpu, device] = onBoth(() => {
        const buffer = from(pattern(400));
        core().copyStrided(rows, 64, buffer, sourceByte, 70, buffer, targetByte, 70);
        return readBytes(buffer);
      });
      expectSameBits(device, cpu, `${rows} blocks from ${sourceByte} to ${targetByte}`);
    }
  });

  it("runs again when a recorded step is replayed, blocks that meet included", () => {
    const { out, met } = replayed(
      () => ({ x: floats([1, 2, 3, 4, 5, 6]), out: floats([0, 0, 0, 0]), met: bytes(12) }),
      ({ x, out, met }) => {
        core().copyStrided(2, 8, x, 4, 12, out, 0, 8);
        core().copyStrided(2, 8, x, 0, 8, met, 0, 4);
      },
    );
    expect([...read(out)]).toEqual([2, 3, 5, 6]);
    expect([...read(met)]).toEqual([1, 3, 4]);
  });
});
