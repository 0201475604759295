/** CubaLIFNode and its halves against Lava DL's slayer: forward exact, gradients within the file's tolerance. */
import { afterAll, describe, expect, test } from "vitest";
import { parseNeuronOptions, surrogateThreshold, variantOf } from "../../../src/model/neurons/index.ts";
import { parseSurrogate, surrogateCall } from "../../../src/model/surrogates/index.ts";
import { fixture } from "../../fixture.ts";
import { openReference } from "../../h5.ts";
import { columns, expectExact, timeFirst } from "./compare.ts";
import { expectGradient, slayerDecayGradients, zeros } from "./lava-cases.ts";
import { nativeBackward, nativeForward } from "./native-scan.ts";

const file = await openReference(fixture("lava_neuron.h5"));
afterAll(() => file.close());

const attribute = (path: string, name: string) => Number(file.attribute(path, name));

/** One channel of a case (decays may differ by channel), time first: rows of N elements. */
function channelOf(path: string, channel: number) {
  const { shape } = file.array(`${path}/x`);
  const [batch = 0, channels = 0, steps = 0] = shape;
  const read = (name: string) =>
    columns(
      timeFirst(file.floats(`${path}/${name}`), steps),
      batch * channels,
      (column) => column % channels === channel,
    );
  const decay = (name: string) => {
    const values = file.floats(`${path}/${name}`);
    return values[values.length > 1 ? channel : 0]!;
  };
  const options = {
    currentDecay: decay("current_decay_param") / 4096,
    voltageDecay: decay("voltage_decay_param") / 4096,
    vThreshold: attribute(path, "threshold"),
    scale: attribute(path, "scale"),
    resetGradient: "ignored",
  };
  return { steps, elements: batch, read, options };
}

const plainCases = file.keys("slayer").filter((name) => !["voltage_loss", "persistent"].includes(name));
const channels = plainCases.flatMap((name) => {
  const path = `slayer/${name}`;
  const count = file.array(`${path}/x`).shape[1]!;
  return Array.from({ length: count }, (_, channel) => ({ path, channel }));
});

/**
 * A voltage meets the threshold exactly and slayer fires: its epsilon vanishes in float32 from 4096 weight steps on.
 */
function firesAtTie(path: string): boolean {
  const threshold = attribute(path, "threshold_quantized");
  const spike = file.floats(`${path}/spike`);
  return file.floats(`${path}/voltage`).some((voltage, i) => voltage === threshold && spike[i] !== 0);
}
const ties = new Set(plainCases.map((name) => `slayer/${name}`).filter(firesAtTie));
const isTie = (path: string) => ties.has(path);

describe("Lava DL's CUBA neuron", () => {
  test.each(channels.filter(({ path }) => !isTie(path)))(
    "$path channel $channel: the same current, voltage and spikes, whole and as two halves",
    ({ path, channel }) => {
      const { steps, elements, read, options } = channelOf(path, channel);
      const graded = Number(file.attribute(path, "graded_spike")) === 1;
      const parsed = parseNeuronOptions("CubaLIFNode", options);
      expect(surrogateThreshold("CubaLIFNode", parsed)).toBe(attribute(path, "threshold_quantized"));
      const variant = variantOf("CubaLIFNode", parsed);
      const run = nativeForward(variant, steps, read("x"), zeros(variant.stateNames, elements));
      expectExact("current", run.stateSeqs.current!, read("current"));
      expectExact("voltage", run.saved.charged!, read("voltage"));
      const voltage = read("voltage");
      expectExact("spikes", graded ? run.spike.map((s, i) => s * voltage[i]!) : run.spike, read("spike"));

      const { currentDecay, voltageDecay, vThreshold, scale, resetGradient } = options;
      const first = variantOf("CubaCurrent", parseNeuronOptions("CubaCurrent", { currentDecay, scale }));
      const current = nativeForward(first, steps, read("x"), zeros(first.stateNames, elements)).stateSeqs.current!;
      const half = { voltageDecay, vThreshold, scale, resetGradient };
      const second = variantOf("CubaVoltage", parseNeuronOptions("CubaVoltage", half));
      const halves = nativeForward(second, steps, current, zeros(second.stateNames, elements));
      expectExact("spikes of the halves", halves.spike, run.spike);
      expectExact("voltage of the halves", halves.saved.charged!, run.saved.charged!);
    },
  );

  test.each(channels.filter(({ path }) => isTie(path)))(
    "$path channel $channel: differs from slayer only where the voltage equals the threshold, and there does not fire",
    ({ path, channel }) => {
      // Each step starts from the file's own state, since after a spike that one side has not the two go apart.
      const { steps, elements, read, options } = channelOf(path, channel);
      const variant = variantOf("CubaLIFNode", parseNeuronOptions("CubaLIFNode", options));
      const [x, current, voltage, spike] = ["x", "current", "voltage", "spike"].map(read) as [
        Float32Array,
        Float32Array,
        Float32Array,
        Float32Array,
      ];
      const threshold = attribute(path, "threshold_quantized");
      for (let t = 0; t < steps; t++) {
        const row = (values: Float32Array, step: number) => values.slice(step * elements, (step + 1) * elements);
        const before =
          t === 0
            ? zeros(variant.stateNames, elements)
            : {
                current: row(current, t - 1),
                voltage: row(voltage, t - 1).map((v, e) => (row(spike, t - 1)[e] === 1 ? 0 : v)),
              };
        const run = nativeForward(variant, 1, row(x, t), before);
        expectExact(`voltage at step ${t}`, run.saved.charged!, row(voltage, t));
        const expected = row(spike, t).map((s, e) => (row(voltage, t)[e] === threshold ? 0 : s));
        expectExact(`spikes at step ${t}`, run.spike, expected);
      }
    },
  );

  const binary = channels.filter(({ path }) => Number(file.attribute(path, "graded_spike")) !== 1 && !isTie(path));
  test.each(binary)(
    "$path channel $channel: slayer's gradient of the input, which does not see resets",
    ({ path, channel }) => {
      const { steps, elements, read, options } = channelOf(path, channel);
      const parsed = parseNeuronOptions("CubaLIFNode", options);
      const variant = variantOf("CubaLIFNode", parsed);
      const x = read("x");
      const initialStates = zeros(variant.stateNames, elements);
      const { saved } = nativeForward(variant, steps, x, initialStates);
      const gradients = { spike: read("grad_spike") };
      const surrogate = slayerSurrogate(path);
      const backward = nativeBackward(variant, { steps, x, initialStates, saved, gradients, surrogate });
      expectGradient("gradient of x", backward.x, read("grad_x"));
    },
  );

  test("has a case with an exact tie", () => {
    expect([...ties].every((path) => attribute(path, "vThMant") >= 4096)).toBe(true);
    expect(ties.size).toBeGreaterThan(0);
  });

  test("leaves only the gradients of graded spikes and of exact ties to the tests of the reference slayer", () => {
    const skipped = new Set(channels.filter((chosen) => !binary.includes(chosen)).map(({ path }) => path));
    for (const path of skipped) {
      expect(Number(file.attribute(path, "graded_spike")) === 1 || isTie(path), path).toBe(true);
    }
  });

  const learned = plainCases
    .map((name) => `slayer/${name}`)
    .filter((path) => Number(file.attribute(path, "requires_grad")) === 1);
  test.each(learned)("%s: slayer's gradient of the decays by its own rule", (path) => {
    const count = file.array(`${path}/x`).shape[1]!;
    const sums = Array.from({ length: count }, (_, channel) => {
      const { steps, elements, read, options } = channelOf(path, channel);
      return slayerDecayGradients({
        steps,
        elements,
        x: read("x"),
        options,
        gradients: { spike: read("grad_spike") },
        surrogate: slayerSurrogate(path),
      });
    });
    const stored = {
      current: file.floats(`${path}/grad_current_decay`),
      voltage: file.floats(`${path}/grad_voltage_decay`),
    };
    for (const which of ["current", "voltage"] as const) {
      const values = sums.map((sum) => sum[which]);
      const expected = stored[which];
      expectGradient(which, expected.length === 1 ? [values.reduce((a, b) => a + b, 0)] : values, expected);
    }
  });

  function slayerSurrogate(path: string) {
    const threshold = attribute(path, "threshold_quantized");
    const tauGrad = attribute(path, "tau_rho") / (100 * threshold);
    return surrogateCall(
      parseSurrogate({ kind: "LavaExponential", tauGrad, scaleGrad: attribute(path, "scale_rho") / 0.1 }),
      { threshold },
    );
  }
});
