/** Small networks in plain numbers for the tests of Lava's layers. */
import { RandomStream } from "../../src/core/index.ts";
import type { Layer } from "../../src/model/index.ts";
import { scope, Tensor, uniform } from "../../src/tensor/index.ts";
import { expectClose, ONE_PASS } from "../tolerance.ts";
import type { SlowNeuron } from "./slow-cuba.ts";

export const SCALE = 64;
export const context = { training: true, random: new RandomStream(0) };
export const inMode = <L extends Layer>(layer: L, mode: "s" | "m"): L => {
  for (const member of layer.walk()) member.stepMode = mode;
  return layer;
};

/** Even multiples of 1/64, as 8-bit weights are: `[rows][columns]`. */
export function weights(rows: number, columns: number, seed: number, largest = 24): number[][] {
  const random = new RandomStream(seed);
  return scope(() => {
    const numbers = uniform([rows * columns], random, { low: -largest, high: largest }).toArray();
    return Array.from({ length: rows }, (_, r) =>
      Array.from({ length: columns }, (_, c) => (Math.round(numbers[r * columns + c]!) * 2) / SCALE),
    );
  });
}
export const spikesIn = (steps: number, size: number, seed: number) =>
  weights(steps, size, seed, 1).map((row) => row.map((value) => (value > 0 ? 1 : 0)));
export const product = (matrix: number[][], x: number[]) =>
  matrix.map((row) => row.reduce((total, w, i) => total + w * x[i]!, 0));
export const tensor = (rows: number[][], shape: number[], requiresGrad = false) =>
  Tensor.from(Float32Array.from(rows.flat()), shape, { requiresGrad });
export const close = (got: Tensor | null | undefined, expected: number[], what: string) =>
  expectClose(got!.toArray(), expected, ONE_PASS, what);

export const ATAN = (x: number) => 1 / (1 + (Math.PI * x) ** 2);
export const SLAYER = (threshold: number) => (x: number) =>
  (0.1 / 2 / (100 * threshold)) * Math.exp(-Math.abs(x) / (100 * threshold));

export const STEPS = 12;
export const THRESHOLD = 1.25;
export const decays = { currentDecay: 1024 / 4096, voltageDecay: 410 / 4096 };
export const slow = (rest: Pick<SlowNeuron, "slope" | "gradient"> & Partial<SlowNeuron>): SlowNeuron => ({
  currentDecay: 1024,
  voltageDecay: 410,
  threshold: THRESHOLD,
  scale: SCALE,
  ...rest,
});
