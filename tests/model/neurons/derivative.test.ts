/**
 * The derivative target against finite differences on a smoothed reading: float64, no rounding or truncation, the
 * surrogate's primitive in place of the spike. What `hold` and `straightThrough` cut off keeps its recorded value while
 * inputs are varied, so that detached and ignored resets have a finite difference too.
 */
import { describe, expect, test } from "vitest";
import { initialLearned, neuronDefinition, parseNeuronOptions, variantOf } from "../../../src/model/neurons/index.ts";
import { backwardStep, forwardStep, restart } from "../../../src/model/neurons/targets/step.ts";
import { choiceOf } from "../../../src/model/neurons/variant.ts";
import type { Words } from "../../../src/model/neurons/vocabulary.ts";

const logistic = (x: number) => 1 / (1 + Math.exp(-x));

/** Values at which held quantities stay while inputs are varied: filled by the first run, read by the others. */
interface Held {
  values: number[];
  replay: boolean;
  next: number;
}

function smoothWords(held: Held): Words<number> {
  const keep = (value: number): number => {
    if (!held.replay) held.values.push(value);
    return held.values[held.next++]!;
  };
  return {
    constant: (value) => value,
    add: (a, b) => a + b,
    sub: (a, b) => a - b,
    mul: (a, b) => a * b,
    div: (a, b) => a / b,
    negate: (a) => -a,
    decay: (state, share) => state * share,
    exponential: Math.exp,
    relu: (a) => Math.max(a, 0),
    positive: (a) => (a > 0 ? 1 : 0),
    decayFixed: (state, decay) => (state * (4096 - decay)) / 4096,
    toGrid: (x, scale) => x * scale,
    fromGrid: (i, scale) => i / scale,
    throughReal: (i) => i,
    addGrid: (a, b) => a + b,
    gate: (i, open) => i * open,
    bound: (i) => i,
    charged: (_, value) => value,
    spike: ({ value, threshold, argument = value - threshold }) => logistic(argument),
    hold: keep,
    straightThrough: (value, gradientOf) => keep(value - gradientOf) + gradientOf,
  };
}

interface Problem {
  kind: string;
  options: object;
  x: number[];
  state: Record<string, number>;
  learned: Record<string, number>;
}

/** Weights of the loss: every spike, every state after every step, and every charged value counts. */
const weight = (t: number, k: number) => Math.sin(1 + 3 * t + 7 * k);

function parametersOf({ kind, options, learned }: Problem): Record<string, number> {
  const variant = variantOf(kind, options, "float32", learned);
  // float64 instead of the variant's float32, so that finite differences in learned values are not lost in rounding.
  const exact = neuronDefinition(kind).derive(
    {
      constant: (value) => value,
      add: (a, b) => a + b,
      sub: (a, b) => a - b,
      mul: (a, b) => a * b,
      div: (a, b) => a / b,
      negate: (a) => -a,
      sigmoid: logistic,
      roundEven: (a) => a,
      clamp: (a) => a,
      scaleGradient: (a) => a,
    },
    options,
    learned,
  );
  return Object.fromEntries(variant.paramNames.map((name) => [name, exact[name]!]));
}

function scaleOf({ kind }: Problem, parameters: Record<string, number>): number {
  const { gridScale } = neuronDefinition(kind);
  return gridScale ? parameters[gridScale]! : 1;
}

function loss(problem: Problem, held: Held): number {
  const { definition, flags } = choiceOf(problem.kind, problem.options);
  held.next = 0;
  const words = smoothWords(held);
  const parameters = parametersOf(problem);
  const scale = scaleOf(problem, parameters);
  let state: Readonly<Record<string, number>> = Object.fromEntries(
    Object.entries(problem.state).map(([name, value]) => [name, value * scale]),
  );
  let total = 0;
  problem.x.forEach((x, t) => {
    const step = forwardStep(definition, flags, words, { x, state, parameters });
    total += (step.spike ?? 0) * weight(t, 0);
    Object.values(step.state).forEach((value, k) => {
      total += (value / scale) * weight(t, 1 + k);
    });
    [...step.charged.values()].forEach((value, k) => {
      total += (value / scale) * weight(t, 3 + k);
    });
    state = step.state;
  });
  held.replay = true;
  return total;
}

/** Gradients by the derivative target, lifted over the smooth words themselves. */
function gradients(problem: Problem): { x: number[]; state: Record<string, number>; learned: Record<string, number> } {
  const { definition, flags } = choiceOf(problem.kind, problem.options);
  const variant = variantOf(problem.kind, problem.options, "float32", problem.learned);
  const words = smoothWords({ values: [], replay: false, next: 0 });
  const parameters = parametersOf(problem);
  const scale = scaleOf(problem, parameters);
  const inside = (values: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value * scale]));
  const befores: Readonly<Record<string, number>>[] = [inside(problem.state)];
  const steps = problem.x.map((x, t) => {
    const step = forwardStep(definition, flags, words, { x, state: befores[t]!, parameters });
    befores.push(step.state);
    return step;
  });
  let carry: Record<string, number> = Object.fromEntries(variant.stateNames.map((name) => [name, 0]));
  const gradX = problem.x.map(() => 0);
  const sums = new Float64Array(variant.params.length);
  for (let t = problem.x.length - 1; t >= 0; t--) {
    const inputs = { x: problem.x[t]!, state: befores[t]!, parameters, charged: Object.fromEntries(steps[t]!.charged) };
    const { argument } = restart(definition, flags, words, inputs);
    const slope = argument === undefined ? 0 : logistic(argument) * (1 - logistic(argument));
    const back = backwardStep(definition, flags, words, words, {
      ...inputs,
      slope,
      gradSpike: weight(t, 0),
      gradState: Object.fromEntries(
        variant.stateNames.map((name, k) => [name, carry[name]! + weight(t, 1 + k) / scale]),
      ),
      gradCharged: Object.fromEntries(variant.savedNames.map((name, k) => [name, weight(t, 3 + k) / scale])),
    });
    gradX[t] = back.x ?? 0;
    carry = Object.fromEntries(variant.stateNames.map((name) => [name, back.state[name] ?? 0]));
    variant.paramNames.forEach((name, i) => {
      sums[i]! += back.parameters[name] ?? 0;
    });
  }
  return { x: gradX, state: inside(carry), learned: variant.learnedGradients(sums) };
}

const CUBA = { currentDecay: 0.3, voltageDecay: 0.12, vThreshold: 0.6, scale: 2 };
const PROBLEMS: [string, object][] = [
  ["IFNode", { vReset: 0 }],
  ["IFNode", { vReset: -0.3, vThreshold: 0.7 }],
  ["IFNode", { vReset: null, vThreshold: 0.7 }],
  ["IFNode", { vReset: -0.3, detachReset: true }],
  ["LIFNode", { tau: 3, vReset: -0.3 }],
  ["LIFNode", { tau: 3, decayInput: false, vReset: null }],
  ["ParametricLIFNode", { initTau: 1.6, vReset: -0.4 }],
  ["ParametricLIFNode", { initTau: 3, decayInput: false, vReset: null }],
  ["ParametricLIFNode", { initTau: 3, vReset: 0, detachReset: true }],
  ["KLIFNode", { k: 1.3, vReset: -0.1, vThreshold: 0.7 }],
  ["KLIFNode", { k: 0.8, vReset: null, scaleReset: true, decayInput: false }],
  ["KLIFNode", { k: 0.8, vReset: 0, scaleReset: true, detachReset: true }],
  ["QIFNode", { vRest: -0.1, vReset: -0.3, a0: 0.5 }],
  ["QIFNode", { vReset: null, detachReset: true }],
  ["EIFNode", { vRest: -0.1, vReset: -0.3, deltaT: 0.5 }],
  ["EIFNode", { vReset: null, detachReset: true }],
  ["CUBALIFNode", { cDecay: 0.4, vReset: -0.2 }],
  ["CUBALIFNode", { vReset: null, detachReset: true }],
  ["NonSpikingIFNode", {}],
  ["NonSpikingLIFNode", { tau: 3 }],
  ["CubaLIFNode", { ...CUBA, requiresGrad: true }],
  ["CubaLIFNode", { ...CUBA, resetGradient: "detached", requiresGrad: true }],
  ["CubaLIFNode", { ...CUBA, resetGradient: "ignored", requiresGrad: true }],
  ["CubaCurrent", { currentDecay: 0.3, scale: 2, requiresGrad: true }],
  ["CubaVoltage", { voltageDecay: 0.3, scale: 2, requiresGrad: true }],
];

/** Central difference with step 1e-6 in float64: error about 1e-9 of the loss, which is of order 10. */
const STEP = 1e-6;
const DIFFERENCE_ERROR = 1e-6;

describe("the derivative target", () => {
  test.each(PROBLEMS)("gives the derivative of %s %j", (kind, given) => {
    const options = parseNeuronOptions(kind, given);
    const state = Object.fromEntries(variantOf(kind, options).stateNames.map((name, k) => [name, 0.2 - 0.35 * k]));
    const problem: Problem = {
      kind,
      options,
      x: [0.9, -0.2, 1.4, 0.3, 0.8],
      state,
      learned: initialLearned(kind, options),
    };
    const held: Held = { values: [], replay: false, next: 0 };
    loss(problem, held);
    const difference = (vary: (by: number) => Problem) =>
      (loss(vary(STEP), held) - loss(vary(-STEP), held)) / (2 * STEP);

    const got = gradients(problem);
    problem.x.forEach((_, t) => {
      const expected = difference((by) => ({ ...problem, x: problem.x.map((x, i) => (i === t ? x + by : x)) }));
      expect(Math.abs(got.x[t]! - expected), `x[${t}]: ${got.x[t]} and ${expected}`).toBeLessThanOrEqual(
        DIFFERENCE_ERROR,
      );
    });
    for (const name of Object.keys(problem.state)) {
      const expected = difference((by) => ({
        ...problem,
        state: { ...problem.state, [name]: problem.state[name]! + by },
      }));
      expect(Math.abs(got.state[name]! - expected), `${name}: ${got.state[name]} and ${expected}`).toBeLessThanOrEqual(
        DIFFERENCE_ERROR,
      );
    }
    for (const name of Object.keys(problem.learned)) {
      const expected = difference((by) => ({
        ...problem,
        learned: { ...problem.learned, [name]: problem.learned[name]! + by },
      }));
      expect(expected).not.toBe(0);
      expect(
        Math.abs(got.learned[name]! - expected),
        `${name}: ${got.learned[name]} and ${expected}`,
      ).toBeLessThanOrEqual(DIFFERENCE_ERROR);
    }
  });
});
