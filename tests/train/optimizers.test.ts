/** Optimizers against steps worked out by hand and PyTorch's update rules written out in double precision. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseWith } from "../../src/core/index.ts";
import { optimizerSchema } from "../../src/train/optimizers.ts";
import { errorOf } from "../error-of.ts";
import { run } from "./optimizer-run.ts";

/** Ten float32 steps on numbers near 1: each rounds a handful of times by 6e-8, Adam's quotient amplifies that a few times. */
const FLOAT32_STEPS = 2e-6;

type Rule = (weight: number, gradient: number, memory: Record<string, number>, step: number) => number;

/** PyTorch's documentation of torch.optim.SGD ("algorithm"). */
const sgd =
  (lr: number, momentum: number, dampening: number, decay: number, nesterov: boolean): Rule =>
  (weight, gradient, memory, step) => {
    let g = gradient + decay * weight;
    if (momentum !== 0) {
      memory.b = step === 1 ? g : momentum * memory.b! + (1 - dampening) * g;
      g = nesterov ? g + momentum * memory.b : memory.b;
    }
    return weight - lr * g;
  };

/** PyTorch's documentation of torch.optim.Adam and AdamW ("algorithm"). */
const adam =
  (lr: number, beta1: number, beta2: number, epsilon: number, decay: number, decoupled: boolean): Rule =>
  (weight, gradient, memory, step) => {
    const g = decoupled ? gradient : gradient + decay * weight;
    const shrunk = decoupled ? weight - lr * decay * weight : weight;
    memory.m = beta1 * (memory.m ?? 0) + (1 - beta1) * g;
    memory.v = beta2 * (memory.v ?? 0) + (1 - beta2) * g * g;
    const mean = memory.m / (1 - beta1 ** step);
    const variance = memory.v / (1 - beta2 ** step);
    return shrunk - (lr * mean) / (Math.sqrt(variance) + epsilon);
  };

function runRule(rule: Rule, start: number[], gradients: number[][]): number[][] {
  const weights = start.map(Math.fround);
  const memories = start.map((): Record<string, number> => ({}));
  return gradients.map((gradient, step) => {
    gradient.forEach((g, i) => {
      weights[i] = rule(weights[i]!, Math.fround(g), memories[i]!, step + 1);
    });
    return [...weights];
  });
}

function expectClose(got: number[][], expected: number[][]): void {
  got.forEach((step, s) => {
    step.forEach((value, i) => {
      expect(Math.abs(value - expected[s]![i]!), `step ${s + 1}, number ${i}`).toBeLessThanOrEqual(FLOAT32_STEPS);
    });
  });
}

describe("steps worked out by hand", () => {
  it("SGD subtracts rate times gradient", () => {
    expect(run({ kind: "sgd", learningRate: 0.5 }, [1, -2], [[1, 4]])).toEqual([[0.5, -4]]);
  });

  it("SGD with momentum begins with the gradient itself and keeps a share of it", () => {
    // buffer 1, then 0.5 * 1 + 1 = 1.5; weights 4 - 1, then 3 - 1.5.
    expect(run({ kind: "sgd", learningRate: 1, momentum: 0.5 }, [4], [[1], [1]])).toEqual([[3], [1.5]]);
  });

  it("SGD with Nesterov looks ahead along the buffer", () => {
    // 1 + 0.5 * 1 = 1.5; then buffer 1.5, 1 + 0.75 = 1.75.
    expect(run({ kind: "sgd", learningRate: 1, momentum: 0.5, nesterov: true }, [4], [[1], [1]])).toEqual([
      [2.5],
      [0.75],
    ]);
  });

  it("SGD adds weight decay to the gradient before the momentum", () => {
    // gradient 0 + 0.5 * 4 = 2.
    expect(run({ kind: "sgd", learningRate: 0.5, weightDecay: 0.5 }, [4], [[0]])).toEqual([[3]]);
  });

  it("Adam's first step is the rate in the direction of the gradient", () => {
    const [[a, b]] = run({ kind: "adam", learningRate: 0.25 }, [1, 1], [[3, -0.01]]) as [[number, number]];
    expect(a).toBeCloseTo(0.75, 6);
    expect(b).toBeCloseTo(1.25, 6);
  });

  it("AdamW shrinks the weights by itself, apart from the gradient", () => {
    expect(run({ kind: "adamw", learningRate: 0.5, weightDecay: 0.5 }, [4], [[0]])).toEqual([[3]]);
  });
});

describe("many steps follow the published rules", () => {
  const number = fc.double({ min: -1, max: 1, noNaN: true });
  // Adam divides by the gradient's size: near zero a rounding error of the gradient would decide the step.
  const gradient = fc
    .tuple(fc.boolean(), fc.double({ min: 0.01, max: 1, noNaN: true }))
    .map(([down, size]) => (down ? -size : size));
  const inputs = fc
    .integer({ min: 1, max: 5 })
    .chain((size) =>
      fc.tuple(
        fc.array(number, { minLength: size, maxLength: size }),
        fc.array(fc.array(gradient, { minLength: size, maxLength: size }), { minLength: 1, maxLength: 10 }),
      ),
    );

  it("of SGD with any momentum, dampening and decay", () => {
    const options = fc.record({
      momentum: fc.constantFrom(0, 0.5, 0.9),
      dampening: fc.constantFrom(0, 0.3),
      weightDecay: fc.constantFrom(0, 0.1),
      nesterov: fc.boolean(),
    });
    fc.assert(
      fc.property(inputs, options, ([start, gradients], o) => {
        const nesterov = o.nesterov && o.momentum > 0 && o.dampening === 0;
        const got = run({ kind: "sgd", learningRate: 0.05, ...o, nesterov }, start, gradients);
        expectClose(got, runRule(sgd(0.05, o.momentum, o.dampening, o.weightDecay, nesterov), start, gradients));
      }),
    );
  });

  it.each(["adam", "adamw"] as const)("of %s with any betas and decay", (kind) => {
    const options = fc.record({
      beta1: fc.constantFrom(0.9, 0.5, 0),
      beta2: fc.constantFrom(0.999, 0.9),
      epsilon: fc.constantFrom(1e-8, 1e-3),
      weightDecay: fc.constantFrom(0, 0.1),
    });
    fc.assert(
      fc.property(inputs, options, ([start, gradients], o) => {
        const got = run({ kind, learningRate: 0.01, ...o }, start, gradients);
        expectClose(
          got,
          runRule(adam(0.01, o.beta1, o.beta2, o.epsilon, o.weightDecay, kind === "adamw"), start, gradients),
        );
      }),
    );
  });
});

describe("the config", () => {
  it("refuses unknown fields, values out of range and Nesterov without momentum", () => {
    const parse = (config: object) => errorOf(() => parseWith(optimizerSchema, config, "optimizer")).message;
    expect(parse({ kind: "sgd", learningRate: -1 })).toContain("learningRate");
    expect(parse({ kind: "adam", learningRate: 1, beta1: 1 })).toContain("beta1");
    expect(parse({ kind: "adam", learningRate: 1, momentum: 0.9 })).toContain("momentum");
    expect(parse({ kind: "sgd", learningRate: 1, nesterov: true })).toContain("nesterov needs a momentum");
  });
});
