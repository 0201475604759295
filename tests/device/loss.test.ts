/** Softmax cross-entropy on the device against the CPU. */
import { afterEach, expect, it } from "vitest";
import { core, devices } from "../../src/kernels/index.ts";
import { from, noise, read, room, worstDifference } from "../kernels/buffers.ts";
import { onBoth } from "./both.ts";
import { DEVICE, describeOnDevice } from "./device.ts";
import { expectSameBits, placesApart, replayed } from "./same-bits.ts";

/** Sums of exponentials are double precision on both sides, in two orders: float32 results are equal or, rarely, neighbours. */
const ONE_PLACE = 1;
/** A softmax share is at most 1, and so is what it differs by from 0 or 1: it is rounded to float32 once, so by 2^-24 at most. */
const SHARE = 2 ** -24;

const labelsOf = (rows: number, classes: number) =>
  Int32Array.from({ length: rows }, (_, row) => (row * 7 + 3) % classes);

/** 1 where a value is NaN. */
const notNumbers = (values: Float32Array) => values.map((value) => Number(Number.isNaN(value)));

function crossEntropy(
  rows: number,
  classes: number,
  logits: Float32Array,
  labels: Int32Array,
): [Float32Array, Float32Array] {
  const [loss, grad] = [room(1), room(rows * classes)];
  core().softmaxCrossEntropy(rows, classes, from(logits), from(labels), loss, grad);
  return [read(loss), read(grad)];
}

afterEach(() => {
  devices().current = "cpu";
});

describeOnDevice("cross-entropy on a device", () => {
  it("gives the CPU's loss and, bit for bit, its gradient for up to 32 classes", () => {
    for (const [rows, classes] of [
      [1, 1],
      [3, 2],
      [64, 10],
      [17, 32],
      [9001, 3],
    ] as const) {
      const logits = noise(rows * classes, 1).map((value) => value * 12);
      const [cpu, device] = onBoth(() => crossEntropy(rows, classes, logits, labelsOf(rows, classes)));
      expect(placesApart(device[0], cpu[0]), `loss of [${rows}, ${classes}]`).toBeLessThanOrEqual(ONE_PLACE);
      expectSameBits(device[1], cpu[1], `gradient of [${rows}, ${classes}]`);
    }
  });

  it("gives the CPU's loss and gradient for many classes", () => {
    for (const [rows, classes] of [
      [4, 33],
      [5, 127],
      [33, 128],
      [7, 1000],
    ] as const) {
      const logits = noise(rows * classes, 1).map((value) => value * 12);
      const [cpu, device] = onBoth(() => crossEntropy(rows, classes, logits, labelsOf(rows, classes)));
      expect(placesApart(device[0], cpu[0]), `loss of [${rows}, ${classes}]`).toBeLessThanOrEqual(ONE_PLACE);
      expect(worstDifference(device[1], cpu[1], 1 / rows), `gradient of [${rows}, ${classes}]`).toBeLessThanOrEqual(
        SHARE,
      );
    }
  });

  it("does without the gradient, and without running over for logits that differ by 10000", () => {
    const logits = Float32Array.of(0, 10_000, -10_000, 5, 4, 3);
    const [cpu, device] = onBoth(() => {
      const loss = room(1);
      core().softmaxCrossEntropy(2, 3, from(logits), from(Int32Array.of(1, 0)), loss, 0);
      return read(loss);
    });
    expect(device[0]).toBeGreaterThan(0);
    expect(placesApart(device, cpu)).toBeLessThanOrEqual(ONE_PLACE);
  });

  it("becomes NaN with a NaN or an infinite logit, wherever it stands", () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      for (const place of [0, 1, 200]) {
        const logits = noise(2 * 201, 2);
        logits[201 + place] = value;
        const [cpu, device] = onBoth(() => crossEntropy(2, 201, logits, Int32Array.of(5, 6)));
        expect(cpu[0][0]).toBeNaN();
        expect(device[0][0]).toBeNaN();
        expectSameBits(notNumbers(device[1]), notNumbers(cpu[1]), "which gradients are NaN");
      }
    }
  });

  it("becomes NaN with a label out of range, whose row gets no gradient", () => {
    for (const label of [-1, 4, 2147483647]) {
      const labels = Int32Array.of(label, 2);
      // The CPU, which can look at the labels first, refuses them.
      expect(() => crossEntropy(2, 4, noise(8, 3), labels)).toThrow(/labels from 0 to 3/);
      devices().current = DEVICE;
      const [loss, grad] = crossEntropy(2, 4, noise(8, 3), labels);
      expect(loss[0]).toBeNaN();
      expect([...grad.subarray(0, 4)]).toEqual([0, 0, 0, 0]);
      expect([...grad.subarray(4)].every((value) => value !== 0 && Number.isFinite(value))).toBe(true);
      devices().current = "cpu";
    }
  });

  it("runs again when a recorded step is replayed", () => {
    const logits = noise(40 * 11, 4);
    const { loss, grad } = replayed(
      () => ({ logits: from(logits), labels: from(labelsOf(40, 11)), loss: room(1), grad: room(440) }),
      ({ logits, labels, loss, grad }) => core().softmaxCrossEntropy(40, 11, logits, labels, loss, grad),
    );
    const [, device] = onBoth(() => crossEntropy(40, 11, logits, labelsOf(40, 11)));
    expectSameBits(read(loss), device[0], "a replayed loss");
    expectSameBits(read(grad), device[1], "a replayed gradient");
  });
});
