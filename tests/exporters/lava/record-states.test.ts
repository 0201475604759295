/** Registers that were recorded obey the neuron's equations, and the table to follow a neuron shows the same numbers. */
import { describe, expect, it } from "vitest";
import { planNet } from "../../../src/exporters/lava/chip/plan.ts";
import { type RecordedLayer, recordStates } from "../../../src/exporters/lava/emulation/record-states.ts";
import { simulateReference } from "../../../src/exporters/lava/emulation/simulate-reference.ts";
import type { SimulationOptions } from "../../../src/exporters/lava/emulation/simulation.ts";
import { walkNeuron } from "../../../src/exporters/lava/emulation/walk.ts";
import { type NetFile, netArray, scalar } from "../../../src/exporters/lava/net/net-file.ts";
import { type NetTraits, PLAIN, randomNet, randomSpikes } from "./random-net.ts";
import { cuba, denseFile, resonators, sigmaDelta } from "./small-nets.ts";

const STEPS = 10;
const SAMPLES = 2;

/** All layers of a random network, with its spikes from elsewhere. */
function recordAll(seed: number, t: NetTraits, options: SimulationOptions) {
  const net = randomNet(seed, t);
  const input = randomSpikes(seed, net, STEPS, SAMPLES);
  const layers = planNet(net).blocks.map(({ layer }) => layer);
  return {
    net,
    recorded: recordStates(net, input, options, layers),
    plain: simulateReference(net, input, { ...options, record: options.record ?? "aligned" }),
  };
}

const KINDS: [string, NetTraits][] = [
  ["leaky", { ...PLAIN, biases: true, decayLists: true }],
  ["delayed and recurrent", { ...PLAIN, memory: true }],
  ["sigma-delta", { ...PLAIN, neurons: "sigmaDelta" }],
  ["resonating", { ...PLAIN, neurons: "mixed" }],
];

describe.each(KINDS)("recorded layers of %s networks", (_, t) => {
  it("send the spikes of the simulation", () => {
    for (let seed = 0; seed < 8; seed++) {
      for (const options of [{}, { resetInterval: 4, record: "raw" as const }]) {
        const { recorded, plain } = recordAll(seed, t, options);
        recorded.forEach(({ layer, shape, spikes }, i) => {
          expect(layer).toBe(plain.layers[i]!.layer);
          expect(shape).toEqual(plain.layers[i]!.shape);
          expect(spikes).toEqual(plain.layers[i]!.data);
        });
      }
    }
  });
});

/** Everything recorded of neuron `index` of a flat layer, step by step. */
const seriesOf = (values: Int32Array, { shape }: RecordedLayer, sample: number, index: number): number[] => {
  const [steps = 0, samples = 0, features = 0] = shape;
  return Array.from({ length: steps }, (_, step) => values[(step * samples + sample) * features + index]!);
};

const sample: NetFile = denseFile({
  weight: netArray([2, 2], [60, -20, 40, 50]),
  neuron: { ...cuba, iDecay: scalar(1024), vDecay: scalar(512), vThMant: 100 },
  bias: netArray([2], [3, -2]),
});
const ones = { shape: [12, 1, 2], data: Int32Array.from({ length: 24 }, (_, i) => (i % 3 === 0 ? 0 : 1)) };

describe("a leaky neuron", () => {
  const [layer] = recordStates(sample, ones, { resetInterval: 8, record: "raw" }, [1]);
  const recorded = layer!;

  it("keeps to its equations, in whole numbers rounded toward zero", () => {
    for (const neuron of [0, 1]) {
      const a = seriesOf(recorded.activation, recorded, 0, neuron);
      const u = seriesOf(recorded.states.current!, recorded, 0, neuron);
      const v = seriesOf(recorded.states.voltage!, recorded, 0, neuron);
      const fired = seriesOf(recorded.spikes, recorded, 0, neuron);
      const bias = [3, -2][neuron]!;
      let [before, after] = [0, 0];
      a.forEach((sum, step) => {
        if (recorded.resets.includes(step)) [before, after] = [0, 0];
        expect(u[step]).toBe(Math.trunc((before * 3072) / 4096) + 64 * sum);
        expect(v[step]).toBe(Math.trunc((after * 3584) / 4096) + u[step]! + 64 * bias);
        expect(fired[step]).toBe(v[step]! > 6400 ? 1 : 0);
        [before, after] = [u[step]!, fired[step] ? 0 : v[step]!];
      });
      expect(fired).toContain(neuron === 0 ? 1 : 0);
    }
  });

  it("is reset where the interval and its offset say", () => expect(recorded.resets).toEqual([1, 9]));
});

describe("a layer that cannot be recorded", () => {
  it("is refused with those that can", () => {
    expect(() => recordStates(sample, ones, {}, [0])).toThrow(/layer to record: expected one with neurons: 1, got 0/);
  });
});

/** The table of neuron 0, as lines of cells without the units. */
function walkOf(net: NetFile, input: { shape: number[]; data: Int32Array }, scale = 64) {
  const plan = planNet(net);
  const [recorded] = recordStates(net, input, { record: "raw" }, [1]);
  const { neuron: parameters } = plan.blocks.at(-1)!;
  const frames = input.shape[0]!;
  return walkNeuron({ recorded: recorded!, parameters, first: 1, frames, neuron: 0, sample: 0, scale });
}

describe("a neuron that is followed", () => {
  it("shows sum, decay, comparison and reset in whole numbers and in training units", () => {
    const net = denseFile({
      weight: netArray([2, 2], [64, 2, 2, -2]),
      neuron: { ...cuba, iDecay: scalar(2048), vDecay: scalar(0), vThMant: 96 },
    });
    const { header, steps, about } = walkOf(net, { shape: [2, 1, 2], data: Int32Array.of(1, 0, 1, 1) });
    const cells = (step: number, row: number) =>
      Object.fromEntries(header.map((name, column) => [name, steps[step]![row]![column]]));
    expect(about.join("\n")).toContain("fires when v > vThMant << 6 = 6144");
    expect(cells(0, 0)).toMatchObject({ step: "0", a: "64", "u before": "0", u: "4096", v: "4096", spike: "-" });
    expect(cells(0, 1)).toMatchObject({ step: "", a: "1", u: "1", v: "1" });
    expect(cells(1, 0)).toMatchObject({
      a: "66",
      "u before": "4096",
      "u decayed": "2048",
      u: "6272",
      "v before": "4096",
      v: "10368",
      "v > threshold": "10368 > 6144",
      spike: "fires",
      "v after": "0",
    });
  });

  it("may be a resonator or a sigma-delta neuron", () => {
    const input = { shape: [3, 1, 2], data: Int32Array.of(1, 0, 1, 1, 0, 1) };
    const turning = walkOf(resonators(), input);
    expect(turning.about[1]).toBe("sine decay 400, cosine decay 3900, as loaded; vThMant 64");
    expect(turning.header).toContain("im before");
    const summing = walkOf(denseFile({ neuron: sigmaDelta }), input);
    expect(summing.header).toContain("residue");
    expect(walkOf(denseFile({ neuron: { ...sigmaDelta, sigmaOutput: true } }), input).header).toEqual([
      "step",
      "a",
      "sum",
      "sent",
    ]);
  });

  it("must be there", () => {
    const [recorded] = recordStates(sample, ones, { record: "raw" }, [1]);
    const { neuron: parameters } = planNet(sample).blocks[0]!;
    const place = { recorded: recorded!, parameters, first: 1, frames: 12, sample: 0, scale: 64 };
    expect(() => walkNeuron({ ...place, neuron: 2 })).toThrow(/neuron: expected 0 to 1, got 2/);
    expect(() => walkNeuron({ ...place, neuron: 0, sample: 1 })).toThrow(/sample: expected 0 to 0, got 1/);
  });
});
