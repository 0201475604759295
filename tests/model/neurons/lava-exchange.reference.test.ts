/** CubaLIFNode against SpikingJelly's lava_exchange: untruncated threshold, true gradients through reset and decays. */
import { afterAll, describe, expect, test } from "vitest";
import { initialState, type NeuronVariant, parseNeuronOptions, variantOf } from "../../../src/model/neurons/index.ts";
import { parseSurrogate, surrogateCall } from "../../../src/model/surrogates/index.ts";
import { fixture } from "../../fixture.ts";
import { openReference } from "../../h5.ts";
import { expectClose, expectExact, timeFirst } from "./compare.ts";
import { nativeBackward, nativeForward } from "./native-scan.ts";

const file = await openReference(fixture("lava_neuron.h5"));
afterAll(() => file.close());

/** The stored rule for gradients: 1e-5 of the largest entry, with room for entries that are 0 in float32. */
const GRADIENT_TOLERANCE = 1e-5;
const GRADIENT_FLOOR = 1e-7;
const expectGradient = (what: string, got: ArrayLike<number>, expected: ArrayLike<number>) =>
  expectClose(what, got, expected, GRADIENT_TOLERANCE, GRADIENT_FLOOR);

/** Groups of the file that hold something else: a norm, and converted neurons. */
const OTHERS = ["batchnorm2d", "to_lava_neuron"];
const cases = file
  .keys("spikingjelly")
  .filter((name) => !OTHERS.includes(name))
  .map((name) => `spikingjelly/${name}`);

function caseOf(path: string) {
  const attribute = (name: string) => file.attribute(path, name);
  const options = parseNeuronOptions("CubaLIFNode", {
    currentDecay: file.floats(`${path}/current_decay_param`)[0]! / 4096,
    voltageDecay: file.floats(`${path}/voltage_decay_param`)[0]! / 4096,
    vThreshold: Number(attribute("threshold")),
    truncateThreshold: false,
    scale: Number(attribute("scale")),
    resetGradient: attribute("detach_reset") ? "detached" : "full",
    requiresGrad: Boolean(attribute("requires_grad")),
  });
  const variant = variantOf("CubaLIFNode", options);
  const steps = file.array(`${path}/x`).shape[0]!;
  const x = file.floats(`${path}/x`);
  const surrogate = surrogateCall(
    parseSurrogate({ kind: String(attribute("surrogate")), alpha: Number(attribute("alpha")) }),
    {
      threshold: options.vThreshold,
    },
  );
  return { options, variant, steps, x, elements: x.length / steps, surrogate };
}

const isPowerOfTwo = (value: number) => Number.isInteger(Math.log2(value));
const zeros = (variant: NeuronVariant, elements: number) =>
  Object.fromEntries(variant.stateNames.map((name) => [name, new Float32Array(elements)]));

describe("SpikingJelly's CubaLIFNode", () => {
  test.each(cases.filter((path) => isPowerOfTwo(caseOf(path).options.scale)))(
    "%s: the same spikes, states and gradients",
    (path) => {
      const { variant, steps, x, elements, surrogate } = caseOf(path);
      const initialStates = zeros(variant, elements);
      const run = nativeForward(variant, steps, x, initialStates);
      expectExact("spikes", run.spike, file.floats(`${path}/spike`));
      expectExact("current", run.stateSeqs.current!, file.floats(`${path}/current`));
      expectExact("voltage", run.stateSeqs.voltage!, file.floats(`${path}/voltage_after_reset`));
      const gradients = { spike: file.floats(`${path}/grad_spike`) };
      const backward = nativeBackward(variant, { steps, x, initialStates, saved: run.saved, gradients, surrogate });
      expectGradient("gradient of x", backward.x, file.floats(`${path}/grad_x`));
      for (const [name, gradient] of Object.entries(variant.learnedGradients(backward.params))) {
        expectGradient(name, [gradient], file.floats(`${path}/grad_${name}`));
      }
    },
  );

  test.each(cases.filter((path) => !isPowerOfTwo(caseOf(path).options.scale)))(
    "%s: the same once its states are cut to the grid at every step, as SpikingJelly does",
    (path) => {
      // A state i / s in float32 times s may fall just below i; SpikingJelly then truncates and loses one step. We hold
      // the integer.
      const { variant, steps, x, elements, options } = caseOf(path);
      const scale = options.scale * 64;
      const cut = (state: Float32Array) => state.map((v) => Math.fround(Math.trunc(Math.fround(v * scale)) / scale));
      let states: Record<string, Float32Array> = zeros(variant, elements);
      const rows = { spike: [] as number[], current: [] as number[], voltage: [] as number[] };
      for (let t = 0; t < steps; t++) {
        const run = nativeForward(variant, 1, x.slice(t * elements, (t + 1) * elements), states);
        rows.spike.push(...run.spike);
        rows.current.push(...run.finalStates.current!);
        rows.voltage.push(...run.finalStates.voltage!);
        states = Object.fromEntries(Object.entries(run.finalStates).map(([name, state]) => [name, cut(state)]));
      }
      expectExact("spikes", rows.spike, file.floats(`${path}/spike`));
      expectExact("current", rows.current, file.floats(`${path}/current`));
      expectExact("voltage", rows.voltage, file.floats(`${path}/voltage_after_reset`));
    },
  );

  test("has cases of both kinds of scale", () => {
    expect(new Set(cases.map((path) => isPowerOfTwo(caseOf(path).options.scale))).size).toBe(2);
  });

  test("leaky_integrator_step: one step with its three gradients", () => {
    const path = "leaky_integrator_step";
    const scale = Number(file.attribute(path, "s_scale")) / 64;
    const decay = file.floats(`${path}/decay`)[0]!;
    const options = parseNeuronOptions("CubaCurrent", { currentDecay: decay / 4096, scale, requiresGrad: true });
    const variant = variantOf("CubaCurrent", options, "float32", { current_decay: decay });
    const x = file.floats(`${path}/x`);
    const initialStates = { current: file.floats(`${path}/state`) };
    const run = nativeForward(variant, 1, x, initialStates);
    expectExact("y", run.finalStates.current!, file.floats(`${path}/y`));
    const gradients = { finalStates: { current: file.floats(`${path}/grad_y`) } };
    const backward = nativeBackward(variant, { steps: 1, x, initialStates, saved: run.saved, gradients });
    expectGradient("gradient of x", backward.x, file.floats(`${path}/grad_x`));
    expectGradient("gradient of the state", backward.initialStates.current!, file.floats(`${path}/grad_state`));
    const { current_decay } = variant.learnedGradients(backward.params);
    expectGradient("gradient of the decay", [current_decay!], file.floats(`${path}/grad_decay`));
  });

  test.each(file.keys("spikingjelly/to_lava_neuron"))(
    "to_lava_neuron/%s: the float neuron and the integer neuron each as stored",
    (name) => {
      const path = `spikingjelly/to_lava_neuron/${name}`;
      const device = (field: string) => Number(file.attribute(path, field));
      const x = file.floats(`${path}/x`);
      const steps = file.array(`${path}/x`).shape[0]!;
      const elements = x.length / steps;
      const options = parseNeuronOptions("CubaLIFNode", {
        currentDecay: device("iDecay") / 4096,
        voltageDecay: device("vDecay") / 4096,
        vThreshold: device("vThMant") / 64,
      });
      const variant = variantOf("CubaLIFNode", options);
      const run = nativeForward(variant, steps, x, zeros(variant, elements));
      expectExact("slayer spikes", run.spike, timeFirst(file.floats(`${path}/spike_slayer`), steps));

      const float = floatNeuron(name);
      const floatVariant = variantOf(float.kind, float.options);
      const start = { v: new Float32Array(elements).fill(initialState(float.kind, float.options).v!) };
      expectExact(
        "SpikingJelly spikes",
        nativeForward(floatVariant, steps, x, start).spike,
        file.floats(`${path}/spike_spikingjelly`),
      );
    },
  );

  /** The neurons that the file's case names stand for: IF and LIF with tau 50 and 3, decayInput off. */
  function floatNeuron(name: string): { kind: string; options: object } {
    if (name === "if") return { kind: "IFNode", options: parseNeuronOptions("IFNode", {}) };
    const tau = Number(/tau(\d+)/.exec(name)?.[1]);
    const options = parseNeuronOptions("LIFNode", { tau, decayInput: false, vThreshold: tau === 3 ? 0.7 : 1 });
    return { kind: "LIFNode", options };
  }
});
