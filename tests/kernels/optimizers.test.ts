/** Optimizer steps against the papers' formulas in double precision, several steps in a row. */
import { describe, expect, it } from "vitest";
import { type AdamOptions, core, type SgdOptions } from "../../src/kernels/index.ts";
import { floats, from, noise, read, worstDifference } from "./buffers.ts";

/** Ten steps of float32 operations on numbers below 1. */
const TOLERANCE = 3e-6;
const STEPS = 10;
const COUNT = 40_003;

const sgdPlain: SgdOptions = {
  learningRate: 0.1,
  momentum: 0,
  dampening: 0,
  weightDecay: 0,
  nesterov: false,
  firstStep: true,
};

describe("sgd", () => {
  it("moves against the gradient", () => {
    const param = floats([1, 2]);
    core().sgdStep(param, floats([0.5, -1]), 0, 2, sgdPlain);
    expect(worstDifference(read(param), [0.95, 2.1])).toBeLessThan(TOLERANCE);
  });

  it("sets the momentum to the gradient in the first step, without dampening", () => {
    const [param, momentum] = [floats([1]), floats([Number.NaN])];
    core().sgdStep(param, floats([0.5]), momentum, 1, { ...sgdPlain, momentum: 0.9, dampening: 0.5 });
    expect([...read(momentum)]).toEqual([0.5]);
  });

  for (const options of [
    { momentum: 0.9, dampening: 0, weightDecay: 0.01, nesterov: false },
    { momentum: 0.9, dampening: 0, weightDecay: 0.01, nesterov: true },
    { momentum: 0.8, dampening: 0.3, weightDecay: 0, nesterov: false },
    { momentum: 0, dampening: 0, weightDecay: 0.1, nesterov: false },
  ]) {
    it(`follows PyTorch's rule with ${JSON.stringify(options)}`, () => {
      const start = noise(COUNT, 41);
      const expected = Float64Array.from(start);
      const velocity = new Float64Array(COUNT);
      const param = from(start);
      const momentum = options.momentum === 0 ? 0 : floats(new Float32Array(COUNT));
      for (let step = 0; step < STEPS; step++) {
        const grad = noise(COUNT, 42 + step);
        core().sgdStep(param, from(grad), momentum, COUNT, { ...options, learningRate: 0.1, firstStep: step === 0 });
        grad.forEach((raw, i) => {
          const g = raw + options.weightDecay * expected[i]!;
          velocity[i] = step === 0 ? g : options.momentum * velocity[i]! + (1 - options.dampening) * g;
          const direction = options.nesterov ? g + options.momentum * velocity[i]! : velocity[i]!;
          expected[i]! -= 0.1 * (options.momentum === 0 ? g : direction);
        });
      }
      expect(worstDifference(read(param), expected)).toBeLessThan(TOLERANCE);
    });
  }
});

describe("adam", () => {
  for (const [decoupled, weightDecay] of [
    [false, 0],
    [false, 0.1],
    [true, 0.1],
  ] as const) {
    it(`follows the paper with weight decay ${weightDecay}${decoupled ? ", decoupled" : ""}`, () => {
      const options: Omit<AdamOptions, "step"> = {
        learningRate: 0.01,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weightDecay,
        decoupled,
      };
      const start = noise(COUNT, 51);
      const expected = Float64Array.from(start);
      const first = new Float64Array(COUNT);
      const second = new Float64Array(COUNT);
      const [param, mean, variance] = [from(start), floats(first), floats(second)];
      for (let step = 1; step <= STEPS; step++) {
        const grad = noise(COUNT, 52 + step);
        core().adamStep(param, from(grad), mean, variance, COUNT, { ...options, step });
        grad.forEach((raw, i) => {
          if (decoupled) expected[i]! *= 1 - 0.01 * weightDecay;
          const g = raw + (decoupled ? 0 : weightDecay * expected[i]!);
          first[i] = 0.9 * first[i]! + 0.1 * g;
          second[i] = 0.999 * second[i]! + 0.001 * g * g;
          const m = first[i]! / (1 - 0.9 ** step);
          const v = second[i]! / (1 - 0.999 ** step);
          expected[i]! -= (0.01 * m) / (Math.sqrt(v) + 1e-8);
        });
      }
      expect(worstDifference(read(param), expected)).toBeLessThan(TOLERANCE);
    });
  }
});
