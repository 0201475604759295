/** The equations of the fused operators, computed in float16 here, against the neuron's own definition in float16. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { float16Below, roundToFloat16 } from "../../../src/exporters/lynxi/emulation/float16.ts";
import { type FusedNeuron, fusedNeuron } from "../../../src/exporters/lynxi/step/fused-neuron.ts";
import { GraphBuilder, shiftedOptions } from "../../../src/model/index.ts";
import { directRun } from "./graphs.ts";

const resets = fc.constantFrom(0, -0.25, 0.1, -0.7);
const neurons = fc.oneof(
  fc.record({ vReset: resets }).map((options) => ({ kind: "IFNode", options: { ...options } })),
  fc
    .record({ vReset: resets, tau: fc.double({ min: 1.1, max: 20, noNaN: true }), decayInput: fc.boolean() })
    .map((options) => ({ kind: "LIFNode", options: { ...options } })),
);

/** U = r(r(rate x) + S), fires at U > below, S' = r(keep reset(U)): every result rounded once. */
function fusedSpikes({ threshold, keep, rate }: FusedNeuron, inputs: readonly number[]): number[] {
  const below = float16Below(threshold);
  let state = 0;
  return inputs.map((x) => {
    const potential = roundToFloat16(roundToFloat16(rate * x) + state);
    const fires = potential > below;
    state = roundToFloat16(keep * (fires ? 0 : potential));
    return Number(fires);
  });
}

function describedSpikes(kind: string, options: Record<string, unknown>, inputs: readonly number[]): number[] {
  const graph = new GraphBuilder(inputs.length);
  graph.add("input", { source: "input", shape: [1], form: "sequence", values: "real" });
  graph.add("neuron", { source: "spikes", shape: [1], neuron: kind, options });
  graph.add("rateOutput", { source: "output", shape: [1] });
  const run = directRun(
    graph.build(),
    inputs.map((x) => [x]),
    "float16",
  );
  return run.spikes.get("spikes")!.flat();
}

describe("a fused neuron", () => {
  it("fires in float16 exactly when the neuron's definition does, also on the threshold", () => {
    let [spikes, steps] = [0, 0];
    fc.assert(
      fc.property(
        neurons,
        fc.double({ min: 0.1, max: 4, noNaN: true }),
        fc.array(fc.double({ min: -1, max: 3, noNaN: true }).map(roundToFloat16), { minLength: 1, maxLength: 30 }),
        ({ kind, options }, vThreshold, drive) => {
          const full = { ...options, vThreshold: vThreshold + 0.2, detachReset: false };
          const shifted = shiftedOptions(kind, full) ?? full;
          const fused = fusedNeuron({ layer: "", kind, options: shifted, input: "", spikes: "", states: [] })!;
          // the threshold itself is among the inputs: integrate and fire meets it exactly
          const inputs = [fused.threshold, ...drive];
          const expected = describedSpikes(kind, full, inputs);
          expect(fusedSpikes(fused, inputs)).toEqual(expected);
          spikes += expected.reduce((sum, spike) => sum + spike, 0);
          steps += expected.length;
        },
      ),
      { numRuns: 500, seed: 5 },
    );
    expect(spikes / steps).toBeGreaterThan(0.1);
    expect(spikes / steps).toBeLessThan(0.9);
  });

  it("exists for hard resets of IF and LIF alone", () => {
    const of = (kind: string, options: object) =>
      fusedNeuron({ layer: "", kind, options, input: "", spikes: "", states: [] });
    const membrane = { vThreshold: 1, detachReset: false };
    expect(of("IFNode", { ...membrane, vReset: null })).toBeNull();
    expect(of("IFNode", { ...membrane, vReset: 0 })).toEqual({ threshold: 1, keep: 1, rate: 1 });
    const leaky = { ...membrane, vReset: 0, tau: 4, decayInput: true };
    expect(of("LIFNode", leaky)).toEqual({ threshold: 1, keep: 0.75, rate: 0.25 });
    expect(of("LIFNode", { ...leaky, decayInput: false })).toEqual({ threshold: 1, keep: 0.75, rate: 1 });
    expect(of("CubaLIFNode", { ...membrane, vReset: 0 })).toBeNull();
  });
});
