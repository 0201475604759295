/** The simulators against recorded runs of Lava's own loader and fixed-point models: every layer, every step, nothing may differ. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { NetFile } from "../../../src/exporters/lava/net-file.ts";
import { readNet } from "../../../src/exporters/lava/read.ts";
import { simulate } from "../../../src/exporters/lava/simulate.ts";
import { simulateReference } from "../../../src/exporters/lava/simulate-reference.ts";
import type { SimulationInput, SimulationOptions, SimulationResult } from "../../../src/exporters/lava/simulation.ts";
import { fixture } from "../../fixture.ts";
import { openReference, type ReferenceFile, type StoredArray } from "../../h5.ts";

const SIMULATORS: Record<
  string,
  (net: NetFile, input: SimulationInput, options: SimulationOptions) => SimulationResult
> = {
  "the plain simulator": simulateReference,
  "the simulator on the native core": simulate,
};

const reference = await openReference(fixture("lava_blocks.h5"));
const cases = reference.keys("").filter((name) => reference.has(`${name}/netx_out`));
afterAll(() => reference.close());

interface NetxArguments {
  reset_interval?: number;
  reset_offset?: number;
}

/** The loader's arguments of a recorded run. */
function optionsOf(file: ReferenceFile, name: string): SimulationOptions {
  const stored = file.attribute(name, "netx_args");
  const args: NetxArguments = stored === undefined ? {} : JSON.parse(String(stored));
  return {
    record: "raw",
    holdInput: file.has(`${name}/netx_input`),
    ...(args.reset_interval === undefined ? {} : { resetInterval: args.reset_interval }),
    ...(args.reset_offset === undefined ? {} : { resetOffset: args.reset_offset }),
  };
}

/** Sample 0 of the recorded input as `[T, 1, ...]`. */
function inputOf(file: ReferenceFile, name: string): SimulationInput {
  if (file.has(`${name}/netx_input`)) {
    const { data, shape } = file.array(`${name}/netx_input`);
    return { data: Int32Array.from(data), shape: [shape[0]!, 1, ...shape.slice(1)] };
  }
  const { data, shape } = file.array(`${name}/x`);
  const [steps = 0, samples = 0, ...frame] = shape;
  const size = frame.reduce((product, axis) => product * axis, 1);
  const first = Array.from({ length: steps }, (_, t) => [...data.slice(t * samples * size, (t * samples + 1) * size)]);
  return { data: Int32Array.from(first.flat()), shape: [steps, 1, ...frame] };
}

function mismatches(got: Int32Array, expected: StoredArray): number {
  expect(got.length).toBe(expected.data.length);
  return got.reduce((count, value, i) => count + (value === expected.data[i] ? 0 : 1), 0);
}

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
