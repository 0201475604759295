/** The float32 and float16 readings against the Lynxi operator lists, exact in every value. */
import { afterAll, describe, expect, test } from "vitest";
import {
  initialState,
  parseNeuronOptions,
  type Reading,
  shiftedOptions,
  variantOf,
} from "../../../src/model/neurons/index.ts";
import { fixture } from "../../fixture.ts";
import { openReference } from "../../h5.ts";
import { expectExact, numbers } from "./compare.ts";
import { nativeForward } from "./native-scan.ts";

const file = await openReference(fixture("lynxi.h5"));
afterAll(() => file.close());

const FORMATS: { format: string; reading: Reading }[] = [
  { format: "fp32", reading: "float32" },
  { format: "fp16", reading: "half" },
];

/** Kind and options of a stored case; v_reset is NaN for soft reset. */
function neuronOf(path: string): { kind: string; options: object } {
  const attribute = (name: string) => file.attribute(path, name);
  const vReset = Number(attribute("v_reset"));
  const membrane = { vThreshold: Number(attribute("v_threshold")), vReset: Number.isNaN(vReset) ? null : vReset };
  if (attribute("kind") === "if") return { kind: "IFNode", options: parseNeuronOptions("IFNode", membrane) };
  const leak = { tau: Number(attribute("tau")), decayInput: Boolean(attribute("decay_input")) };
  return { kind: "LIFNode", options: parseNeuronOptions("LIFNode", { ...leak, ...membrane }) };
}

function start(kind: string, options: object, elements: number): Record<string, Float32Array> {
  return { v: new Float32Array(elements).fill(initialState(kind, options).v!) };
}

const each = (group: string) =>
  file
    .keys(group)
    .flatMap((name) => FORMATS.map(({ format, reading }) => ({ path: `${group}/${name}`, format, reading })));

describe("Lynxi's operator lists", () => {
  test.each(each("neuron"))(
    "$path exact_$format: the same spikes, potentials and states",
    ({ path, format, reading }) => {
      const { kind, options } = neuronOf(path);
      const steps = Number(file.attribute(path, "T"));
      const x = numbers(file, `${path}/x`);
      const run = nativeForward(variantOf(kind, options, reading), steps, x, start(kind, options, x.length / steps));
      const stored = (name: string) => numbers(file, `${path}/exact_${format}/${name}`);
      expectExact("spikes", run.spike, stored("spike"));
      expectExact("h", run.saved.charged!, stored("h_seq"));
      expectExact("v", run.stateSeqs.v!, stored("v_seq"));
      expectExact("last v", run.finalStates.v!, stored("v"));
    },
  );

  const shifted = each("neuron").filter(({ path, format }) => file.has(`${path}/shift_${format}`));
  test.each(shifted)("$path shift_$format: the same spikes and last state", ({ path, format, reading }) => {
    const { kind, options } = neuronOf(path);
    const moved = shiftedOptions(kind, options)!;
    const steps = Number(file.attribute(path, "T"));
    const x = numbers(file, `${path}/x`);
    const run = nativeForward(variantOf(kind, moved, reading), steps, x, start(kind, moved, x.length / steps));
    expectExact("spikes", run.spike, numbers(file, `${path}/shift_${format}/spike`));
    expectExact("last u", run.finalStates.v!, numbers(file, `${path}/shift_${format}/v`));
  });

  test("has shift cases", () => {
    expect(shifted.length).toBeGreaterThan(0);
  });

  test.each(each("step"))("$path $format: one step from a given state", ({ path, format, reading }) => {
    const { kind, options } = neuronOf(path);
    const states = { v: numbers(file, `${path}/v_in`) };
    const run = nativeForward(variantOf(kind, options, reading), 1, numbers(file, `${path}/x`), states);
    expectExact("spikes", run.spike, numbers(file, `${path}/${format}/spike`));
    expectExact("h", run.saved.charged!, numbers(file, `${path}/${format}/h`));
    expectExact("v", run.finalStates.v!, numbers(file, `${path}/${format}/v_out`));
  });

  test.each(each("edge"))(
    "$path $format: on, below and above the threshold, and where float16 stops growing",
    ({ path, format, reading }) => {
      const options = parseNeuronOptions("IFNode", {
        vThreshold: Number(file.attribute(path, "v_threshold")),
        vReset: null,
      });
      const { shape } = file.array(`${path}/x`);
      const x = numbers(file, `${path}/x`);
      const steps = shape[0]!;
      const given = file.attribute(path, "v_start");
      const states = { v: new Float32Array(x.length / steps).fill(given === undefined ? 0 : Number(given)) };
      const run = nativeForward(variantOf("IFNode", options, reading), steps, x, states);
      expectExact("spikes", run.spike, numbers(file, `${path}/${format}/spike`));
      expectExact("v", run.stateSeqs.v!, numbers(file, `${path}/${format}/v_seq`));
    },
  );
});
