/** Single-step graphs against vectors made with SpikingJelly and numpy (lynxi.h5): one step from a given state, and sequences with the last state. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromFloat16Bits } from "../../../src/exporters/lynxi/emulation/float16.ts";
import {
  emulate,
  type HostArray,
  type Lowering,
  type OnnxModel,
  openSession,
  twinOf,
} from "../../../src/exporters/lynxi/index.ts";
import { lowerStep } from "../../../src/exporters/lynxi/step/index.ts";
import { GraphBuilder } from "../../../src/model/index.ts";
import { fixture } from "../../fixture.ts";
import { openReference, type ReferenceFile } from "../../h5.ts";

let file: ReferenceFile;
beforeAll(async () => {
  file = await openReference(fixture("lynxi.h5"));
});
afterAll(() => file.close());

/**
 * Written from its reset potential, a neuron rounds v - vReset instead of v: half a float16 unit (2^-11 near 1) at the state, at the input's
 * share and at the sum; parameters that are no float16 numbers add as much. Four such units bound a potential of one step.
 */
const SHIFTED_POTENTIAL = 4 * 2 ** -11;
/** Potentials spread over about 2, so about 1 in 500 lies within that distance of the threshold; 2 % leaves room for three in a small case. */
const SHIFTED_FLIPS = 0.02;

function stepOf(path: string, steps: number, batch: number, shape: number[]): { lowering: Lowering; vReset: number } {
  const read = (name: string) => file.attribute(path, name);
  const vReset = Number(read("v_reset"));
  const soft = Number.isNaN(vReset);
  const membrane = { vThreshold: Number(read("v_threshold")), vReset: soft ? null : vReset, detachReset: false };
  const leaky = { ...membrane, tau: Number(read("tau")), decayInput: Boolean(read("decay_input")) };
  const spiking =
    read("kind") === "if" ? { neuron: "IFNode", options: membrane } : { neuron: "LIFNode", options: leaky };
  const graph = new GraphBuilder(steps);
  graph.add("input", { source: "input", shape, form: "sequence", values: "real" });
  graph.add("neuron", { source: "neuron", shape, ...spiking });
  return { lowering: lowerStep(graph.build(), { batch }), vReset: soft ? 0 : vReset };
}

/** float16 datasets come as bits. */
function numbers(path: string): Float32Array {
  const { data } = file.array(path);
  return data instanceof Uint16Array ? fromFloat16Bits(data) : Float32Array.from(data);
}

/** One call, in the emulator and in ONNX Runtime, which must agree. */
async function call(model: OnnxModel, inputs: ReadonlyMap<string, HostArray>, precision: "fp32" | "fp16") {
  const { outputs } = emulate(model, inputs, 1, { arithmetic: precision === "fp16" ? "float16" : "float32" });
  const session = await openSession(precision === "fp16" ? twinOf(model) : model, "test");
  const independent = await session.run(inputs);
  await session.release();
  for (const [name, { data }] of outputs)
    expect(Array.from(independent.get(name)!.data), name).toEqual(Array.from(data));
  return outputs;
}

describe("a graph of one step", () => {
  it("gives spike and state of one step from a given state, bit for bit where it is not shifted", async () => {
    for (const name of file.keys("/step")) {
      const path = `/step/${name}`;
      const { shape } = file.array(`${path}/x`);
      const [batch = 0, ...rest] = shape;
      const { lowering, vReset } = stepOf(path, 1, batch, rest);
      const before = numbers(`${path}/v_in`).map((v) => v - vReset);
      const x = numbers(`${path}/x`);
      for (const precision of ["fp32", "fp16"] as const) {
        const outputs = await call(
          lowering.model,
          new Map([
            ["x", { shape, data: x }],
            ["v1", { shape, data: before }],
          ]),
          precision,
        );
        const [spikes, after] = [outputs.get("y")!.data, outputs.get("v1_out")!.data];
        const expected = {
          spikes: file.floats(`${path}/${precision}/spike`),
          after: numbers(`${path}/${precision}/v_out`),
        };
        if (vReset === 0) {
          // in float32 the stored list has its numbers unrounded: only neurons of float16 numbers compare
          if (precision === "fp32" && lowering.roundings.length > 0) continue;
          expect(Array.from(spikes), `${name} ${precision} spike`).toEqual(Array.from(expected.spikes));
          expect(Array.from(after), `${name} ${precision} v_out`).toEqual(Array.from(expected.after));
          continue;
        }
        const flipped = Array.from(spikes, (spike, i) => spike !== expected.spikes[i]);
        expect(flipped.filter(Boolean).length / flipped.length, `${name} ${precision}`).toBeLessThanOrEqual(
          SHIFTED_FLIPS,
        );
        const errors = Array.from(after, (v, i) => (flipped[i] ? 0 : Math.abs(v + vReset - expected.after[i]!)));
        expect(Math.max(...errors), `${name} ${precision} v_out`).toBeLessThanOrEqual(SHIFTED_POTENTIAL);
      }
    }
  });

  it("gives spikes and last state of whole sequences in float16, bit for bit", async () => {
    for (const name of file.keys("/neuron")) {
      const path = `/neuron/${name}`;
      const [T, N] = [Number(file.attribute(path, "T")), Number(file.attribute(path, "N"))];
      const rest = file.array(`${path}/x`).shape.slice(1);
      const shape = [N, ...rest];
      const { lowering } = stepOf(path, T, N, rest);
      const x = file.floats(`${path}/x`);
      const size = x.length / T;
      const stored = `${path}/${file.has(`${path}/shift_fp16`) ? "shift_fp16" : "exact_fp16"}`;
      const expected = file.floats(`${stored}/spike`);
      let state = new Float32Array(size);
      for (let t = 0; t < T; t++) {
        const frame = x.slice(t * size, (t + 1) * size);
        const inputs = new Map([
          ["x", { shape, data: frame }],
          ["v1", { shape, data: state }],
        ]);
        const outputs = await call(lowering.model, inputs, "fp16");
        const spikes = expected.slice(t * size, (t + 1) * size);
        expect(Array.from(outputs.get("y")!.data), `${name} step ${t}`).toEqual(Array.from(spikes));
        state = Float32Array.from(outputs.get("v1_out")!.data);
      }
      expect(Array.from(state), `${name} v`).toEqual(Array.from(numbers(`${stored}/v`)));
    }
  });
});
