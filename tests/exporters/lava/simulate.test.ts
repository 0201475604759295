/** The simulator on the native core gives the numbers of the plain one, for any network and any way of running it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { simulateReference } from "../../../src/exporters/lava/emulation/simulate-reference.ts";
import type { SimulationOptions } from "../../../src/exporters/lava/emulation/simulation.ts";
import { type NetFile, netArray, scalar } from "../../../src/exporters/lava/net/net-file.ts";
import { simulate } from "../../../src/exporters/lava/simulate.ts";
import { PLAIN, randomNet, randomSpikes, traits } from "./random-net.ts";

const runs: fc.Arbitrary<SimulationOptions> = fc.record(
  {
    resetInterval: fc.constantFrom(1, 3, 8, 64),
    resetOffset: fc.constantFrom(0, 1, 2),
    extraSteps: fc.nat(3),
    holdInput: fc.boolean(),
    record: fc.constantFrom("none" as const, "aligned" as const, "raw" as const),
    chunkNumbers: fc.constantFrom(1, 400),
  },
  { requiredKeys: [] },
);

describe("both simulators", () => {
  it("agree on random networks, inputs, resets and recordings", () => {
    fc.assert(
      fc.property(
        fc.nat(),
        traits,
        runs,
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 3 }),
        (seed, t, options, steps, samples) => {
          const net = randomNet(seed, t);
          const input = randomSpikes(seed + 1, net, steps, samples);
          expect(simulate(net, input, options)).toEqual(simulateReference(net, input, options));
        },
      ),
      { numRuns: 150, seed: 20261120 },
    );
  });

  it("agree on payloads into the first layer", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 300_000 }), (seed, largest) => {
        const net = randomNet(seed, PLAIN);
        const input = randomSpikes(seed + 1, net, 4, 2);
        const data = input.data.map((value, i) => value * ((i * 7919) % largest) * (i % 3 === 0 ? -1 : 1));
        const options = { inputMessageBits: 24, record: "aligned" as const };
        expect(simulate(net, { ...input, data }, options)).toEqual(simulateReference(net, { ...input, data }, options));
      }),
      { numRuns: 40, seed: 20261121 },
    );
  });
});

/** One dense layer. */
function denseNet(
  weight: number[],
  outputs: number,
  neuron: { iDecay: number; vDecay: number; vThMant: number },
  bias?: number[],
): NetFile {
  const { iDecay, vDecay, vThMant } = neuron;
  return {
    simulation: null,
    layers: [
      { type: "input", shape: [weight.length / outputs], weight: null, bias: null, neuron: null, extras: {} },
      {
        type: "dense",
        shape: [outputs],
        weight: netArray([outputs, weight.length / outputs], weight),
        imaginary: null,
        bias: bias ? netArray([outputs], bias) : null,
        delay: null,
        neuron: { type: "CUBA", iDecay: scalar(iDecay), vDecay: scalar(vDecay), vThMant, extras: {} },
        extras: {},
      },
    ],
  };
}

describe.each([
  ["plain", simulateReference],
  ["native", simulate],
] as const)("the %s simulator", (_, run) => {
  const integrator = { iDecay: 4096, vDecay: 0, vThMant: 64 };

  it("fires strictly above the threshold: 64 steps of weight do not fire at once, 66 do", () => {
    const net = denseNet([64, 66, -2, -2], 2, integrator);
    const { output } = run(net, { shape: [3, 1, 2], data: [1, 0, 0, 1, 1, 0] });
    // neuron 0 gets 64, 66, 64: at threshold, then above, then at it again; neuron 1 is inhibited
    expect([...output.data]).toEqual([0, 0, 1, 0, 0, 0]);
  });

  it("leaks toward zero on both sides", () => {
    // half of 64 * 3 = 192 is lost each step: 192, 96, 48, ... never above 2 * 64 after the first
    const net = denseNet([2, -2], 1, { iDecay: 4096, vDecay: 2048, vThMant: 3 });
    const { output } = run(net, { shape: [4, 1, 2], data: [1, 0, 1, 0, 1, 0, 1, 0] });
    // 128, 192 (not above 192), 224 fires, 128
    expect([...output.data]).toEqual([0, 0, 1, 0]);
  });

  it("removes one step of latency for each layer", () => {
    const net = denseNet([66, 66, -2, -2], 2, integrator);
    const { output, latency } = run(net, { shape: [1, 1, 2], data: [1, 1] });
    expect(latency).toBe(1);
    expect(output.shape).toEqual([1, 1, 2]);
    expect([...output.data]).toEqual([1, 0]);
  });

  it("keeps the latency in a raw recording", () => {
    const net = denseNet([66, -2], 2, integrator);
    expect([...run(net, { shape: [1, 1, 1], data: [1] }, { record: "raw" }).output.data]).toEqual([0, 0, 1, 0]);
  });

  it("lets biases act before the first frame unless a reset falls on it", () => {
    const net = denseNet([2, -2], 1, integrator, [40]);
    const silence = { shape: [2, 1, 2], data: [0, 0, 0, 0] };
    // without reset the bias acts in the step of latency too: 40, 80 fires, 40
    expect([...run(net, silence).output.data]).toEqual([1, 0]);
    expect([...run(net, silence, { resetInterval: 4 }).output.data]).toEqual([0, 1]);
  });

  it("reports currents that wrap and voltages that saturate, with counts", () => {
    const net = denseNet([254, 254, 254, 254, 254, -2], 1, { iDecay: 0, vDecay: 0, vThMant: 131071 });
    const steps = 150;
    const { events } = run(net, { shape: [steps, 1, 6], data: new Int32Array(steps * 6).fill(1) });
    expect(events.map(({ rule }) => rule)).toEqual(["loihi/current-wrapped", "loihi/voltage-saturated"]);
    expect(events[0]!.message).toMatch(/^The current left its 24 bits \d+ times? and wrapped/);
    expect(events[0]!.place).toBe("/layer/1");
  });

  it("refuses inputs of another shape and numbers that are not whole", () => {
    const net = denseNet([66, -2], 2, integrator);
    expect(() => run(net, { shape: [2, 1, 2], data: [1, 0, 0, 1] })).toThrow(/expected \[T, N, 1\], got \[2,1,2\]/);
    expect(() => run(net, { shape: [1, 1, 1], data: [0.5] })).toThrow(/expected a whole number of 32 bits, got 0.5/);
    expect(() => run(net, { shape: [1, 1, 1], data: [1] }, { chunkNumbers: 0 })).toThrow(
      /chunkNumbers: expected a whole number from 1/,
    );
    expect(() => run(net, { shape: [1, 1, 1], data: [1] }, { resetInterval: 0 })).toThrow(
      /resetInterval: expected a whole number from 1/,
    );
  });
});

it("says how many samples are done", () => {
  const net = denseNet([66, -2], 2, { iDecay: 4096, vDecay: 0, vThMant: 64 });
  const seen: number[] = [];
  simulate(net, { shape: [1, 3, 1], data: [1, 0, 1] }, { onProgress: (done, of) => seen.push(done, of) });
  expect(seen).toEqual([3, 3]);
});
