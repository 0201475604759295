/** Results of two devices that must agree in every bit; only what kind of NaN it is may differ. */
import { expect } from "vitest";
import { core, devices } from "../../src/kernels/index.ts";
import { DEVICE } from "./device.ts";

type Values = Float32Array | Int32Array | Uint8Array | Uint16Array;

/** Fails naming the first place that differs. */
export function expectSameBits(device: Values, cpu: Values, what: string): void {
  expect(device.length, `${what}: number of values`).toBe(cpu.length);
  for (let i = 0; i < cpu.length; i++) {
    if (Object.is(device[i], cpu[i])) continue;
    expect.fail(`${what}: value ${i} is ${device[i]} on the device, ${cpu[i]} on the CPU`);
  }
}

/** Float32 numbers between two results: 0 when they are equal, 1 for neighbours. NaN meets only NaN. */
export function placesApart(device: Float32Array, cpu: Float32Array): number {
  const order = (values: Float32Array) => {
    const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
    return bits.map((bit) => (bit < 0 ? -2147483648 - bit : bit));
  };
  const [left, right] = [order(device), order(cpu)];
  let worst = device.length === cpu.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < cpu.length; i++) {
    if (Number.isNaN(device[i]) && Number.isNaN(cpu[i])) continue;
    const apart =
      Number.isNaN(device[i]! - cpu[i]!) && device[i] !== cpu[i] ? Infinity : Math.abs(left[i]! - right[i]!);
    worst = Math.max(worst, apart);
  }
  return worst;
}

/** Numbers as raw bits give them: NaN, infinities, subnormal numbers, both zeros, and every size between. */
export function anyFloats(count: number, seed: number): Float32Array {
  const bits = new Uint32Array(count);
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bits[i] = state ^ (state >>> 15);
  }
  const values = new Float32Array(bits.buffer);
  const special = [
    0,
    -0,
    1,
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    1e-45,
    65519.996,
    65520,
  ];
  for (let i = 0; i < count; i += 7) values[i] = special[(i / 7) % special.length]!;
  return values;
}

/** Runs `prepare` on the device, then records what `step` does and replays it. Buffers are made by `prepare` alone. */
export function replayed<Buffers>(prepare: () => Buffers, step: (buffers: Buffers) => void): Buffers {
  devices().current = DEVICE;
  try {
    const buffers = prepare();
    core().beginCapture(0);
    try {
      step(buffers);
    } catch (cause) {
      core().abortCapture();
      throw cause;
    }
    const graph = core().endCapture();
    core().replay(graph);
    core().synchronize(0);
    core().forget(graph);
    return buffers;
  } finally {
    devices().current = "cpu";
  }
}
