/** The simulators against recorded runs of Lava's own loader and fixed-point models: every layer, every step, nothing may differ. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { simulateReference } from "../../../src/exporters/lava/emulation/simulate-reference.ts";
import type {
  SimulationInput,
  SimulationOptions,
  SimulationResult,
} from "../../../src/exporters/lava/emulation/simulation.ts";
import type { NetFile } from "../../../src/exporters/lava/net/net-file.ts";
import { readNet } from "../../../src/exporters/lava/read.ts";
import { simulate } from "../../../src/exporters/lava/simulate.ts";
import { fixture } from "../../fixture.ts";
import { openReference } from "../../h5.ts";
import { inputOf, mismatches, optionsOf, recordedCases } from "./netx-runs.ts";

const SIMULATORS: Record<
  string,
  (net: NetFile, input: SimulationInput, options: SimulationOptions) => SimulationResult
> = {
  "the plain simulator": simulateReference,
  "the simulator on the native core": simulate,
};

const reference = await openReference(fixture("lava_blocks.h5"));
const cases = recordedCases(reference);
afterAll(() => reference.close());

it("has recorded runs to compare with", () => expect(cases.length).toBeGreaterThan(0));

describe.each(Object.keys(SIMULATORS))("%s", (simulator) => {
  describe.each(cases)("runs %s", (name) => {
    let result: SimulationResult;
    beforeAll(async () => {
      const file = reference.attribute(name, "net_lowered") ?? reference.attribute(name, "net");
      const net = await readNet(fixture(...String(file).split("/")));
      result = SIMULATORS[simulator]!(net, inputOf(reference, name), optionsOf(reference, name));
    });

    it("with the recorded latency", () => expect(result.latency).toBe(reference.attribute(name, "netx_latency")));

    it("with every layer's output equal", () => {
      const recorded = reference.has(`${name}/netx`) ? reference.keys(`${name}/netx`) : [];
      expect(result.layers.length).toBe(recorded.length);
      recorded.forEach((layer) => {
        const { data, shape } = result.layers[Number(layer.replace("layer", ""))]!;
        const expected = reference.array(`${name}/netx/${layer}`);
        expect([shape[0], ...shape.slice(2)]).toEqual(expected.shape);
        expect(mismatches(data, expected)).toBe(0);
      });
    });

    it("with the network's output equal", () => {
      expect(mismatches(result.output.data, reference.array(`${name}/netx_out`))).toBe(0);
    });
  });
});

/** Cases in which Lava's run equals the trainer's, with spikes as input. */
const exact = cases.filter(
  (name) =>
    reference.attribute(name, "netx_mismatches") === 0 &&
    reference.has(`${name}/slayer_out`) &&
    !reference.has(`${name}/netx_input`),
);

describe.each(exact)("the whole batch of %s", (name) => {
  it("gives what the trainer computed, behind the recorded offset", async () => {
    const file = reference.attribute(name, "net_lowered") ?? reference.attribute(name, "net");
    const net = await readNet(fixture(...String(file).split("/")));
    const { data, shape } = reference.array(`${name}/x`);
    const result = simulate(net, { data: Int32Array.from(data), shape }, optionsOf(reference, name));
    const trained = reference.array(`${name}/slayer_out`);
    const scale = Number(reference.attribute(name, "netx_out_scale"));
    const start = Number(reference.attribute(name, "netx_offset")) * (trained.data.length / trained.shape[0]!);
    // the trainer may answer later than the simulation lasts
    const kept = Math.min(trained.data.length, result.output.data.length - start);
    expect(kept).toBeGreaterThan(0);
    const spikes = Array.from(result.output.data.slice(start, start + kept));
    expect(spikes).toEqual(Array.from(trained.data.slice(0, kept), (value) => value * scale));
  });
});

it("refuses a layer that Lava's loader refuses, with the way out", async () => {
  const refused = reference.keys("").filter((name) => reference.attribute(name, "netx_error_unlowered") !== undefined);
  expect(refused.length).toBeGreaterThan(0);
  for (const name of refused) {
    const net = await readNet(fixture(...String(reference.attribute(name, "net")).split("/")));
    expect(() => simulateReference(net, inputOf(reference, name))).toThrow(
      /expected a layer that Lava's loader can build, got pool/,
    );
  }
});
