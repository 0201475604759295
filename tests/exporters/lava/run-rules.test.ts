/** Every design rule over runs: arguments that keep it, and ones that break it. */
import { describe, expect, it } from "vitest";
import { runRules } from "../../../src/exporters/lava/emulation/run-rules.ts";
import type { SimulationOptions } from "../../../src/exporters/lava/emulation/simulation.ts";
import { type NetFile, type NetLayer, netArray } from "../../../src/exporters/lava/net/net-file.ts";
import { simulate } from "../../../src/exporters/lava/simulate.ts";
import { dense, denseFile, inputOf, resonators, sigmaDelta } from "./small-nets.ts";

interface Case {
  found: string;
  net: NetFile;
  broken: SimulationOptions;
  kept: SimulationOptions;
  input?: number;
}

const biased = denseFile({ bias: netArray([2], [5, -5]) });

const cases: Case[] = [
  {
    found: "reset-alignment",
    net: denseFile(),
    broken: { resetInterval: 4, resetOffset: 0 },
    kept: { resetInterval: 4, resetOffset: 5 },
  },
  { found: "reset-interval", net: denseFile(), broken: { resetInterval: 6 }, kept: { resetInterval: 8 } },
  { found: "ignored-reset", net: resonators(), broken: { resetInterval: 4 }, kept: {} },
  { found: "early-bias", net: biased, broken: {}, kept: { resetInterval: 4 } },
  { found: "message-width", net: denseFile(), broken: {}, kept: { inputMessageBits: 8 }, input: 7 },
];

function eventsOf(net: NetFile, options: SimulationOptions, input = 1): string[] {
  const { events } = simulate(net, { shape: [4, 1, 2], data: [input, 0, 0, 1, 1, 1, 0, 0] }, options);
  return events.map(({ rule }) => rule);
}

describe("a run", () => {
  it.each(cases)("is found with $found, and without when it is mended", ({ found, net, broken, kept, input }) => {
    expect(eventsOf(net, broken, input)).toContain(`loihi/${found}`);
    expect(eventsOf(net, kept, input)).not.toContain(`loihi/${found}`);
  });

  it("has a case here for every rule", () => {
    expect(new Set(cases.map(({ found }) => found)).size).toBe(runRules.length);
  });

  it("with no arguments has nothing to be found", () => expect(eventsOf(denseFile(), {})).toEqual([]));

  it("of sigma-delta neurons is told about messages that take more than 16 bits", () => {
    const delta = { ...inputOf(2), neuron: { ...sigmaDelta, vThMant: 0 } } as NetLayer;
    const net: NetFile = { layers: [delta, { ...dense, neuron: sigmaDelta }], simulation: null };
    expect(eventsOf(net, {}, 511)).not.toContain("loihi/payload-width");
    expect(eventsOf(net, {}, 512)).toContain("loihi/payload-width");
  });

  it("is told by how many steps its resets are early", () => {
    const { events } = simulate(denseFile(), { shape: [1, 1, 2], data: [1, 0] }, { resetInterval: 8, resetOffset: 3 });
    expect(events[0]).toMatchObject({
      message: "Every reset falls 6 of 8 steps before the first frame of a sample.",
      rewrite: "Use reset_offset 1.",
    });
  });
});
