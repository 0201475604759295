/** Random numbers on the device: the CPU's bit for bit, from any word of a stream on. */
import { expect, it } from "vitest";
import { core } from "../../src/kernels/index.ts";
import { from, noise, result, room } from "../kernels/buffers.ts";
import { onBoth } from "./both.ts";
import { describeOnDevice } from "./device.ts";
import { expectSameBits, replayed } from "./same-bits.ts";

/** Each of the four words a block of the generator begins with, and beyond 32 bits of blocks. */
const POSITIONS = [0, 1, 2, 3, 4, 1027, 2 ** 34 - 2, 2 ** 40 + 5];
const SIZES = [0, 1, 2, 3, 4, 5, 6, 1025, 5000];
const [SEED, STREAM] = [4294967295, 7];

describeOnDevice("random numbers on a device", () => {
  it("are the CPU's from any word on and at any count", () => {
    for (const position of POSITIONS) {
      for (const count of SIZES) {
        const chance = noise(count, 1).map(Math.abs);
        const kinds = {
          uniform: (out: number) => core().randomUniform(SEED, STREAM, position, out, count),
          normal: (out: number) => core().randomNormal(SEED, STREAM, position, out, count),
          bernoulli: (out: number) => core().randomBernoulli(SEED, STREAM, position, from(chance), out, count),
        };
        for (const [kind, make] of Object.entries(kinds)) {
          const [cpu, device] = onBoth(() => result(count, make));
          expectSameBits(device, cpu, `${count} ${kind} numbers from word ${position}`);
        }
      }
    }
  });

  it("never or always succeed with the chances 0 and 1, and never with NaN", () => {
    const chance = Float32Array.from({ length: 999 }, (_, i) => [0, 1, Number.NaN][i % 3]!);
    const [, device] = onBoth(() => result(999, (out) => core().randomBernoulli(1, 2, 3, from(chance), out, 999)));
    expect([...device].every((value, i) => value === (i % 3 === 1 ? 1 : 0))).toBe(true);
  });

  it("are refused in a recorded step, which would repeat them", () => {
    for (const call of [
      (out: number) => core().randomUniform(1, 2, 3, out, 4),
      (out: number) => core().randomNormal(1, 2, 3, out, 4),
      (out: number) => core().randomBernoulli(1, 2, 3, out, out, 4),
    ]) {
      expect(() => replayed(() => room(4), call)).toThrow(/a step that is being recorded/);
    }
  });
});
