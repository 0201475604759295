/**
 * A whole optimizer step in one call: the bits of clipping and stepping parameter by parameter, on the CPU and on the device, also recorded.
 */
import { describe, expect, it } from "vitest";
import { type BufferId, core, devices, type OptimizerStep } from "../../src/kernels/index.ts";
import { from, noise, read } from "../kernels/buffers.ts";
import { onBoth } from "./both.ts";
import { DEVICE, describeOnDevice } from "./device.ts";
import { anyFloats, expectSameBits } from "./same-bits.ts";

/** More parameters than travel with one launch, around the ends of chunks. */
const SIZES = [1, 0, 3, 4099, 16384, 16385, 40_000, 33, ...Array.from({ length: 120 }, (_, i) => 1 + (i % 7))];
const RATE = 0.05;

type Rules = OptimizerStep["rules"];
const rules = (given: Partial<Rules>): Rules => ({
  ...{ kind: "sgd", momentum: 0, dampening: 0, nesterov: false, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
  ...{ decoupled: false, clip: "none", limit: 0, scaled: false },
  ...given,
});

const RULES: [string, Rules][] = [
  ["SGD", rules({})],
  ["SGD with momentum", rules({ momentum: 0.9, dampening: 0.1 })],
  ["SGD with Nesterov's momentum, clipped by norm", rules({ momentum: 0.9, nesterov: true, clip: "norm", limit: 0.5 })],
  ["Adam", rules({ kind: "adam" })],
  ["AdamW, clipped by norm", rules({ kind: "adam", decoupled: true, clip: "norm", limit: 1.5 })],
  ["Adam with a norm that is not reached", rules({ kind: "adam", clip: "norm", limit: 1e6 })],
  ["SGD clipped by value", rules({ clip: "value", limit: 0.25 })],
  ["Adam of a scaled loss, clipped by norm", rules({ kind: "adam", scaled: true, clip: "norm", limit: 0.001 })],
];

interface State {
  params: BufferId[];
  first: BufferId[];
  second: BufferId[];
  control: BufferId;
}

/** Rate factors and weight decays differ from parameter to parameter. */
const numbers = () =>
  Float64Array.from(SIZES.flatMap((size, i) => [size, i, i % 3 === 0 ? 0.5 : 1, i % 2 === 0 ? 0.01 : 0]));

function begin({ kind, momentum }: Rules, scale = 1): State {
  const zeros = () => SIZES.map((size) => from(new Float32Array(size)));
  const control = new Float64Array(4 + SIZES.length);
  new Float32Array(control.buffer)[0] = scale;
  control[2] = RATE;
  return {
    params: SIZES.map((size, i) => from(noise(size, i + 1))),
    first: kind === "adam" || momentum > 0 ? zeros() : SIZES.map(() => 0),
    second: kind === "adam" ? zeros() : SIZES.map(() => 0),
    control: from(control),
  };
}

const gradients = (step: number, numbers: (count: number, seed: number) => Float32Array = noise) =>
  SIZES.map((size, i) => numbers(size, 1000 * step + i));

function take(state: State, how: Rules, grads: BufferId[], loss: BufferId = 0): void {
  core().optimizerStep({ rules: how, ...state, grads, numbers: numbers(), loss });
}

function control(state: State) {
  const words = read(state.control);
  const doubles = new Float64Array(words.buffer);
  const [, goodSteps, , norm, ...steps] = doubles;
  return { scale: words[0], halted: new Uint32Array(words.buffer)[1], goodSteps, norm, steps };
}

const contents = (state: State) =>
  [...state.params, ...state.first, ...state.second, state.control].filter((buffer) => buffer !== 0).map(read);

/** The same step with a call for each parameter and each change of its gradient. */
function takeApart({ params, first, second }: State, how: Rules, grads: BufferId[], step: number): void {
  const table = numbers();
  if (how.clip === "norm") {
    const norm = Math.sqrt(grads.reduce((sum, grad, i) => sum + core().sumSquares(grad, SIZES[i]!), 0));
    const factor = how.limit / (norm + 1e-6);
    for (const [i, grad] of grads.entries())
      if (factor < 1) core().binaryScalar("mul", grad, factor, false, grad, SIZES[i]!);
  } else if (how.clip === "value") {
    for (const [i, grad] of grads.entries()) core().clamp(grad, -how.limit, how.limit, grad, SIZES[i]!);
  }
  SIZES.forEach((size, i) => {
    const options = { ...how, learningRate: RATE * table[4 * i + 2]!, weightDecay: table[4 * i + 3]! };
    const [param, grad] = [params[i]!, grads[i]!];
    if (how.kind === "adam") core().adamStep(param, grad, first[i]!, second[i]!, size, { ...options, step });
    else core().sgdStep(param, grad, first[i]!, size, { ...options, firstStep: step === 1 });
  });
}

function expectSame(got: Float32Array[], wanted: Float32Array[], what: string): void {
  for (const [which, values] of got.entries()) expectSameBits(values, wanted[which]!, `${what}, array ${which}`);
}

describe("an optimizer step of all parameters", () => {
  it.each(RULES)("of %s has the bits of steps taken one by one", (what, how) => {
    const scale = how.scaled ? 1024 : 1;
    const [whole, apart] = [begin(how, scale), begin(how, scale)];
    for (const step of [1, 2, 3]) {
      const grads = gradients(step);
      take(
        whole,
        how,
        grads.map((grad) => from(grad)),
      );
      const unscaled = grads.map((grad) => from(grad.map((value) => value / scale)));
      takeApart(apart, how, unscaled, step);
    }
    expect(control(whole)).toMatchObject({ halted: 0, steps: SIZES.map(() => 3), goodSteps: how.scaled ? 3 : 0 });
    expectSame(contents(whole).slice(0, -1), contents(apart).slice(0, -1), what);
  });

  it("stops at a loss, a norm or a scale that is not finite, and changes nothing from there on", () => {
    const nan = (step: number) => gradients(step, anyFloats).map((grad) => from(grad));
    const fine = () => gradients(1).map((grad) => from(grad));
    const stopped = (how: Rules, grads: BufferId[], loss: number, scale = 1) => {
      const state = begin(how, scale);
      take(state, how, grads, from(Float32Array.of(loss)));
      take(state, how, fine(), from(Float32Array.of(1)));
      expectSame(contents(state).slice(0, -1), contents(begin(how)).slice(0, -1), "stopped");
      expect(control(state).steps).toEqual(SIZES.map(() => 0));
      return control(state).halted;
    };
    const clipped = rules({ clip: "norm", limit: 1 });
    expect(stopped(clipped, nan(1), 1)).toBe(2);
    expect(stopped(clipped, nan(1), Number.NaN)).toBe(1);
    expect(stopped(rules({}), fine(), Number.POSITIVE_INFINITY)).toBe(1);
    expect(stopped(rules({ scaled: true }), nan(1), 1, 2 ** -10)).toBe(3);
  });

  it("is refused where lists, moments or the control are too short", () => {
    const how = rules({ kind: "adam" });
    const state = begin(how);
    const grads = gradients(1).map((grad) => from(grad));
    expect(() => take(state, how, grads.slice(1))).toThrow(/lists of one length/);
    expect(() => take({ ...state, first: grads.map(() => 0) }, how, grads)).toThrow(/moments of each parameter/);
    expect(() => take({ ...state, control: from(new Float64Array(5)) }, how, grads)).toThrow(/a control with a number/);
  });
});

describeOnDevice("an optimizer step of all parameters on a device", () => {
  it.each(RULES)("of %s has the CPU's bits", (what, how) => {
    for (const make of how.clip === "norm" || how.scaled ? [noise] : [noise, anyFloats]) {
      const [cpu, device] = onBoth(() => {
        const state = begin(how, how.scaled ? 65536 : 1);
        for (const step of [1, 2, 3])
          take(
            state,
            how,
            gradients(step, make).map((grad) => from(grad)),
          );
        return contents(state);
      });
      expectSame(device, cpu, what);
    }
  });

  it("leaves steps out by itself when replayed, and follows a rate that is written between two of them", () => {
    const how = rules({ kind: "adam", scaled: true, clip: "norm", limit: 0.01 });
    const overflowing = (step: number) =>
      gradients(step).map((grad, i) => (step === 3 && i === 6 ? grad.fill(Infinity, 20_000, 20_001) : grad));
    const run = (each: (state: State, grads: BufferId[]) => void) => {
      const state = begin(how, 512);
      const grads = SIZES.map((size) => from(new Float32Array(size)));
      for (const step of [1, 2, 3, 4, 5]) {
        for (const [i, grad] of overflowing(step).entries()) core().write(grads[i]!, 0, grad);
        core().write(state.control, 16, Float64Array.of(RATE / step));
        each(state, grads);
      }
      return { arrays: contents(state), found: control(state) };
    };
    const plain = run((state, grads) => take(state, how, grads));
    devices().current = DEVICE;
    try {
      let graph = -1;
      const recorded = run((state, grads) => {
        if (graph < 0) {
          core().beginCapture(0);
          take(state, how, grads);
          graph = core().endCapture();
        }
        core().replay(graph);
      });
      core().forget(graph);
      expect(recorded.found).toEqual(plain.found);
      expect(recorded.found).toMatchObject({ scale: 256, goodSteps: 2, halted: 0, steps: SIZES.map(() => 4) });
      expectSame(recorded.arrays, plain.arrays, "replayed");
    } finally {
      devices().current = "cpu";
    }
  });
});
