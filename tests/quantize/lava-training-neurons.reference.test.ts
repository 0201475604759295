/**
 * The neurons of `lava_neuron.h5` as layers: outputs and gradients of Lava DL's slayer by the reference slayer, of SpikingJelly's
 * CubaLIFNode by the reference spikingjelly. Each test goes over all groups of its part of the file.
 */
import { afterAll, describe, expect, it } from "vitest";
import { CubaLIFNode, IFNode, type Layer, LIFNode } from "../../src/model/index.ts";
import { backwardFrom, scope, type Tensor } from "../../src/tensor/index.ts";
import { fixture } from "../fixture.ts";
import { openReference } from "../h5.ts";
import {
  context,
  expectDecayGradients,
  expectExactly,
  expectGradient,
  neuronOf,
  tensorOf,
  timeFirst,
  timeLast,
} from "./lava-training.ts";

const file = await openReference(fixture("lava_neuron.h5"));
afterAll(() => file.close());

const number = (path: string, name: string) => Number(file.attribute(path, name));
const exactly = (got: Tensor, path: string) => expectExactly(got.toArray(), file.floats(path), path);

/** Groups below `slayer` that are no plain forward and backward run; they have tests of their own. */
const SLAYER_OTHERS = ["voltage_loss", "persistent"];
const EXCHANGE_OTHERS = ["batchnorm2d", "to_lava_neuron"];
const plain = (group: string, others: readonly string[]) =>
  file
    .keys(group)
    .filter((name) => !others.includes(name))
    .map((name) => `${group}/${name}`);

/** slayer's constants as options; none where they are its defaults, which the reference must choose by itself. */
function slayerSurrogate(path: string) {
  const tauGrad = number(path, "tau_rho") / (100 * number(path, "threshold_quantized"));
  const scaleGrad = number(path, "scale_rho") / 0.1;
  const isDefault = [tauGrad, scaleGrad].every((value) => Math.abs(value - 1) < 1e-12);
  return isDefault ? {} : { surrogate: { kind: "LavaExponential", tauGrad, scaleGrad } as const };
}

function withLayer(layer: Layer, body: (layer: Layer) => void): void {
  try {
    scope(() => body(layer));
  } finally {
    layer.dispose();
  }
}

describe("CubaLIFNode by the reference slayer", () => {
  it.each(plain("slayer", SLAYER_OTHERS))("%s: current, voltage, spikes, and all gradients", (path) => {
    const gradedSpike = number(path, "graded_spike") === 1;
    const options = { gradedSpike, ...slayerSurrogate(path) };
    withLayer(neuronOf({ file, path, reference: "slayer", options }), (neuron) => {
      const x = tensorOf(file, `${path}/x`, true);
      const spikes = timeLast(neuron.forward(timeFirst(x), context));
      exactly(timeLast(neuron.state.get("current_seq")!), `${path}/current`);
      exactly(timeLast(neuron.state.get("voltage_seq")!), `${path}/voltage`);
      exactly(spikes, `${path}/spike`);
      backwardFrom([[spikes, tensorOf(file, `${path}/grad_spike`)]]);
      expectGradient(x.grad!, file.floats(`${path}/grad_x`), path);
      expectDecayGradients(neuron, file, path);
    });
  });

  it("fires at a voltage equal to the threshold in some case, where the chip's arithmetic does not", () => {
    const ties = plain("slayer", SLAYER_OTHERS).filter((path) => {
      const spike = file.floats(`${path}/spike`);
      const threshold = number(path, "threshold_quantized");
      return file.floats(`${path}/voltage`).some((voltage, i) => voltage === threshold && spike[i] === 1);
    });
    expect(ties.length).toBeGreaterThan(0);
    for (const path of ties) {
      const spikesBy = (reference: "chip" | "slayer") => {
        let spikes: number[] = [];
        withLayer(neuronOf({ file, path, reference }), (neuron) => {
          spikes = [...timeLast(neuron.forward(timeFirst(tensorOf(file, `${path}/x`)), context)).toArray()];
        });
        return spikes;
      };
      expect(spikesBy("chip")).not.toEqual(spikesBy("slayer"));
    }
  });

  it("slayer/voltage_loss: gradients of a loss on the voltage before reset", () => {
    const path = "slayer/voltage_loss";
    const neuron = CubaLIFNode({
      currentDecay: number(path, "current_decay"),
      voltageDecay: number(path, "voltage_decay"),
      vThreshold: number(path, "threshold"),
      scale: number(path, "scale"),
      requiresGrad: true,
      reference: "slayer",
      storeVSeq: true,
    });
    neuron.initialize(context.random);
    neuron.stepMode = "m";
    withLayer(neuron, () => {
      const x = tensorOf(file, `${path}/x`, true);
      neuron.forward(timeFirst(x), context);
      const voltage = timeLast(neuron.state.get("voltage_seq")!);
      exactly(voltage, `${path}/voltage`);
      backwardFrom([[voltage, tensorOf(file, `${path}/grad_voltage`)]]);
      expectGradient(x.grad!, file.floats(`${path}/grad_x`), path);
      expectDecayGradients(neuron, file, path);
    });
  });

  it("slayer/persistent: a call continues from the states of the last one", () => {
    const path = "slayer/persistent";
    const neuron = CubaLIFNode({
      currentDecay: number(path, "current_decay"),
      voltageDecay: number(path, "voltage_decay"),
      vThreshold: number(path, "threshold"),
      scale: number(path, "scale"),
      reference: "slayer",
      persistentState: true,
    });
    neuron.stepMode = "m";
    withLayer(neuron, () => {
      const calls = file.keys(path).filter((name) => /^x\d+$/.test(name));
      expect(calls.length).toBeGreaterThan(1);
      for (const call of calls.map((name) => name.slice(1))) {
        const x = tensorOf(file, `${path}/x${call}`, true);
        const spikes = neuron.forward(timeFirst(x), context);
        exactly(timeLast(spikes), `${path}/spike${call}`);
        exactly(neuron.state.get("current")!, `${path}/current_state${call}`);
        exactly(neuron.state.get("voltage")!, `${path}/voltage_state${call}`);
        // each call can be differentiated by itself: nothing leads back to the one before
        backwardFrom([[spikes, spikes.detach()]]);
        expect(x.grad).not.toBeNull();
      }
    });
  });
});

describe("CubaLIFNode by the reference spikingjelly", () => {
  it.each(plain("spikingjelly", EXCHANGE_OTHERS))("%s: current, voltage, spikes, and all gradients", (path) => {
    const surrogate = { kind: String(file.attribute(path, "surrogate")), alpha: number(path, "alpha") };
    const resetGradient = number(path, "detach_reset") === 1 ? "detached" : "full";
    withLayer(neuronOf({ file, path, reference: "spikingjelly", options: { surrogate, resetGradient } }), (neuron) => {
      const x = tensorOf(file, `${path}/x`, true);
      const spikes = neuron.forward(x, context);
      exactly(neuron.state.get("current_seq")!, `${path}/current`);
      exactly(neuron.state.get("voltage_seq")!, `${path}/voltage_after_reset`);
      exactly(spikes, `${path}/spike`);
      backwardFrom([[spikes, tensorOf(file, `${path}/grad_spike`)]]);
      expectGradient(x.grad!, file.floats(`${path}/grad_x`), path);
      expectDecayGradients(neuron, file, path);
    });
  });

  it.each(file.keys("spikingjelly/to_lava_neuron"))(
    "to_lava_neuron/%s: the float neuron and its CUBA neuron",
    (name) => {
      const path = `spikingjelly/to_lava_neuron/${name}`;
      const tau = /tau(\d+)/.exec(name)?.[1];
      // of the file's two LIF neurons, the one with the shorter memory has the lower threshold
      const vThreshold = number(path, "vThMant") < 64 ? 0.7 : 1;
      const float = tau ? LIFNode({ tau: Number(tau), decayInput: false, vThreshold }) : IFNode({ vThreshold });
      const cuba = CubaLIFNode({
        currentDecay: number(path, "iDecay") / 4096,
        voltageDecay: number(path, "vDecay") / 4096,
        vThreshold,
        reference: "slayer",
      });
      for (const layer of [float, cuba]) layer.stepMode = "m";
      withLayer(float, () =>
        exactly(float.forward(tensorOf(file, `${path}/x`), context), `${path}/spike_spikingjelly`),
      );
      withLayer(cuba, () =>
        exactly(timeLast(cuba.forward(tensorOf(file, `${path}/x`), context)), `${path}/spike_slayer`),
      );
    },
  );
});
