/**
 * Smaller pieces of Lava DL: a loss on the voltage, states carried between calls, the surrogate and the shift by
 * themselves.
 */
import { afterAll, describe, test } from "vitest";
import { parseNeuronOptions, variantOf } from "../../../src/model/neurons/index.ts";
import { numberWords } from "../../../src/model/neurons/targets/number.ts";
import { parseSurrogate, surrogateCall } from "../../../src/model/surrogates/index.ts";
import { fixture } from "../../fixture.ts";
import { openReference } from "../../h5.ts";
import { expectExact, timeFirst } from "./compare.ts";
import { expectGradient, slayerDecayGradients, zeros } from "./lava-cases.ts";
import { nativeBackward, nativeForward } from "./native-scan.ts";

const file = await openReference(fixture("lava_neuron.h5"));
afterAll(() => file.close());

const attribute = (path: string, name: string) => Number(file.attribute(path, name));

describe("Lava DL's pieces", () => {
  test("slayer/voltage_loss: gradients of a loss on the voltage before reset", () => {
    const path = "slayer/voltage_loss";
    const { shape } = file.array(`${path}/x`);
    const [batch = 0, channelCount = 0, steps = 0] = shape;
    const elements = batch * channelCount;
    const read = (name: string) => timeFirst(file.floats(`${path}/${name}`), steps);
    const options = {
      currentDecay: attribute(path, "current_decay"),
      voltageDecay: attribute(path, "voltage_decay"),
      vThreshold: attribute(path, "threshold"),
      scale: attribute(path, "scale"),
      resetGradient: "ignored",
    };
    const gradients = { saved: { charged: read("grad_voltage") } };
    const surrogate = surrogateCall(parseSurrogate({ kind: "LavaExponential" }), { threshold: options.vThreshold });
    const result = slayerDecayGradients({ steps, elements, x: read("x"), options, gradients, surrogate });
    expectExact("voltage", result.chargedVoltage, read("voltage"));
    expectGradient("gradient of x", result.gradX, read("grad_x"));
    expectGradient("current decay", [result.current], file.floats(`${path}/grad_current_decay`));
    expectGradient("voltage decay", [result.voltage], file.floats(`${path}/grad_voltage_decay`));
  });

  test("slayer/persistent: states carry over from call to call", () => {
    const path = "slayer/persistent";
    const options = parseNeuronOptions("CubaLIFNode", {
      currentDecay: attribute(path, "current_decay"),
      voltageDecay: attribute(path, "voltage_decay"),
      vThreshold: attribute(path, "threshold"),
      scale: attribute(path, "scale"),
    });
    const variant = variantOf("CubaLIFNode", options);
    let states: Record<string, Float32Array> = {};
    for (const call of [0, 1]) {
      const { shape } = file.array(`${path}/x${call}`);
      const steps = shape[2]!;
      const x = timeFirst(file.floats(`${path}/x${call}`), steps);
      if (call === 0) states = zeros(variant.stateNames, x.length / steps);
      const run = nativeForward(variant, steps, x, states);
      expectExact(`spikes ${call}`, run.spike, timeFirst(file.floats(`${path}/spike${call}`), steps));
      states = run.finalStates;
      expectExact(`current ${call}`, states.current!, file.floats(`${path}/current_state${call}`));
      expectExact(`voltage ${call}`, states.voltage!, file.floats(`${path}/voltage_state${call}`));
    }
  });

  test("spike_surrogate/binary: the exponential surrogate by itself", () => {
    const path = "spike_surrogate/binary";
    const threshold = attribute(path, "threshold");
    // The stored constants are the effective ones: t = tau_rho, s = scale_rho.
    const surrogate = surrogateCall(
      parseSurrogate({
        kind: "LavaExponential",
        tauGrad: attribute(path, "tau_rho") / (100 * threshold),
        scaleGrad: attribute(path, "scale_rho") / 0.1,
      }),
      { threshold },
    );
    const voltage = file.floats(`${path}/voltage`);
    const variant = variantOf("IFNode", parseNeuronOptions("IFNode", { vThreshold: threshold }));
    const run = nativeForward(variant, 1, voltage, { v: new Float32Array(voltage.length) });
    expectExact("spikes", run.spike, file.floats(`${path}/spike`));
    const gradients = { spike: new Float32Array(voltage.length).fill(1) };
    const initialStates = { v: new Float32Array(voltage.length) };
    const backward = nativeBackward(variant, {
      steps: 1,
      x: voltage,
      initialStates,
      saved: run.saved,
      gradients,
      surrogate,
    });
    expectGradient("gradient", backward.x, file.floats(`${path}/grad_voltage`));
  });

  test("leaky_integrator_step: shifts toward zero as slayer does, beyond 32 bits", () => {
    const { decayFixed } = numberWords("float32");
    const shifted = Array.from(file.array("leaky_integrator_step/shift_in").data, (value) => decayFixed(value, 4095));
    expectExact("shift", shifted, Array.from(file.array("leaky_integrator_step/shift_to_zero_12").data));
  });
});
