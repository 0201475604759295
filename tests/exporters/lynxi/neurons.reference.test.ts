/** Neurons in written graphs against vectors made with SpikingJelly and numpy (lynxi.h5): training neurons, and operator lists in both precisions. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromFloat16Bits } from "../../../src/exporters/lynxi/emulation/float16.ts";
import {
  emulate,
  layoutOf,
  lowerGraph,
  type OnnxModel,
  openSession,
  runModel,
  twinOf,
} from "../../../src/exporters/lynxi/index.ts";
import { withOutputs } from "../../../src/exporters/lynxi/onnx/onnx-prune.ts";
import { type Graph, GraphBuilder } from "../../../src/model/index.ts";
import { fixture } from "../../fixture.ts";
import { openReference, type ReferenceFile } from "../../h5.ts";

let file: ReferenceFile;
beforeAll(async () => {
  file = await openReference(fixture("lynxi.h5"));
});
afterAll(() => file.close());

const LAYER = "neuron";

/**
 * A threshold of 1.3 or a decay of 2/3 is stored as the nearest float16, half a unit (2^-11) away at most. Potentials spread over about 2,
 * so about 1 in 4000 lies between the two thresholds and flips, and may take the next steps of its neuron along; 1 % leaves room for one such
 * neuron in the smallest case (288 spikes).
 */
const PARAMETER_FLIPS = 0.01;

interface NeuronCase {
  kind: string;
  vThreshold: number;
  vReset: number | null;
  tau: number;
  decayInput: boolean;
}

function neuronGraph(steps: number, shape: number[], { kind, tau, decayInput, vThreshold, vReset }: NeuronCase): Graph {
  const membrane = { vThreshold, vReset, detachReset: false };
  const graph = new GraphBuilder(steps);
  graph.add("input", { source: "input", shape, form: "sequence", values: "real" });
  graph.add("neuron", {
    source: LAYER,
    shape,
    neuron: kind === "if" ? "IFNode" : "LIFNode",
    options: kind === "if" ? membrane : { ...membrane, tau, decayInput },
  });
  return graph.build();
}

function caseFacts(path: string): NeuronCase {
  const read = (name: string) => file.attribute(path, name);
  const vReset = Number(read("v_reset"));
  return {
    kind: String(read("kind")),
    vThreshold: Number(read("v_threshold")),
    vReset: Number.isNaN(vReset) ? null : vReset,
    tau: Number(read("tau")),
    decayInput: Boolean(read("decay_input")),
  };
}

/** float16 datasets come as bits. */
function numbers(path: string): Float32Array {
  const { data } = file.array(path);
  return data instanceof Uint16Array ? fromFloat16Bits(data) : Float32Array.from(data);
}

/** Spikes `[T*N, ...]` of every way to run a graph. */
async function spikesOf(
  model: OnnxModel,
  x: Float32Array,
  shape: number[],
  mode: "float32" | "twin" | "emulator" | "emulator32",
) {
  const layout = layoutOf(model, LAYER);
  const samples = x.length / layout.steps / shape.reduce((product, n) => product * n, 1);
  const run = await runModel(
    model,
    layout,
    { form: "sequence", shape: [layout.steps, samples, ...shape], data: x },
    { mode },
    LAYER,
  );
  return Array.from(run.sequence ?? run.rates);
}

describe("neurons in a written graph", () => {
  const names = () => file.keys("/neuron");

  it("give the training neuron's spikes in float32", async () => {
    for (const name of names()) {
      const path = `/neuron/${name}`;
      const [T, N] = [Number(file.attribute(path, "T")), Number(file.attribute(path, "N"))];
      const shape = file.array(`${path}/x`).shape.slice(1);
      const { model, roundings } = lowerGraph(neuronGraph(T, shape, caseFacts(path)), { batch: N });
      const expected = file.floats(`${path}/train/spike`);
      const allowed = roundings.length > 0 ? PARAMETER_FLIPS : 0;
      for (const mode of ["float32", "emulator32"] as const) {
        const got = await spikesOf(model, file.floats(`${path}/x`), shape, mode);
        const flips = got.filter((spike, i) => spike !== expected[i]).length;
        expect(flips / got.length, `${name}, ${mode}: share of spikes that differ`).toBeLessThanOrEqual(allowed);
      }
    }
  });

  it("give the spikes of the operator list in float16, in the emulator and as a twin", async () => {
    for (const name of names()) {
      const path = `/neuron/${name}`;
      const [T, N] = [Number(file.attribute(path, "T")), Number(file.attribute(path, "N"))];
      const shape = file.array(`${path}/x`).shape.slice(1);
      const { model } = lowerGraph(neuronGraph(T, shape, caseFacts(path)), { batch: N });
      const form = file.has(`${path}/shift_fp16`) ? "shift_fp16" : "exact_fp16";
      const expected = Array.from(file.floats(`${path}/${form}/spike`));
      for (const mode of ["emulator", "twin"] as const) {
        expect(await spikesOf(model, file.floats(`${path}/x`), shape, mode), `${name}, ${mode}`).toEqual(expected);
      }
    }
  });

  it("give the potentials of the operator list bit for bit, in both precisions", async () => {
    for (const name of names()) {
      const path = `/neuron/${name}`;
      const [T, N] = [Number(file.attribute(path, "T")), Number(file.attribute(path, "N"))];
      const shape = file.array(`${path}/x`).shape.slice(1);
      const x = file.floats(`${path}/x`);
      // one step more, without input: its decay reads the potential that the last real step left
      const longer = new Float32Array(x.length + x.length / T);
      longer.set(x);
      const { model, roundings } = lowerGraph(neuronGraph(T + 1, shape, caseFacts(path)), { batch: N });
      const shift = file.has(`${path}/shift_fp16`);
      // in float32 the stored list has its numbers unrounded: only neurons of float16 numbers compare
      for (const precision of roundings.length > 0 ? (["fp16"] as const) : (["fp32", "fp16"] as const)) {
        const stored = `${path}/${shift ? "shift" : "exact"}_${precision}`;
        const potential = lastState(model, T);
        const got = await valuesOf(model, [potential, ...(shift ? [] : comparedValues(model, T))], longer, precision);
        expect(Array.from(got.get(potential)!), `${name}, ${precision}, v`).toEqual(Array.from(numbers(`${stored}/v`)));
        if (shift) continue;
        const charged = comparedValues(model, T).flatMap((value) => Array.from(got.get(value)!));
        expect(charged, `${name}, ${precision}, h_seq`).toEqual(Array.from(numbers(`${stored}/h_seq`)));
      }
    }
  });
});

/** Values that the first `steps` comparisons read: the potentials before firing. */
function comparedValues(model: OnnxModel, steps: number): string[] {
  return model.nodes
    .filter(({ op }) => op === "GreaterOrEqual")
    .map(({ inputs }) => inputs[0]!)
    .slice(0, steps);
}

/** The state that step `step` reads from the step before. */
function lastState(model: OnnxModel, step: number): string {
  const stem = `${LAYER}.neuron.t${step}.`;
  const before = `${LAYER}.neuron.t${step - 1}.`;
  return model.nodes
    .filter(({ name }) => name.startsWith(stem))
    .flatMap(({ inputs }) => inputs)
    .find((name) => name.startsWith(before))!;
}

/** Values of one call, in the emulator (checked against ONNX Runtime's run of the twin or the graph). */
async function valuesOf(model: OnnxModel, names: string[], x: Float32Array, precision: "fp32" | "fp16") {
  const made = names.filter((name) => model.nodes.some(({ outputs }) => outputs.includes(name)));
  const open = withOutputs(model, made);
  const inputs = new Map([["x", { shape: model.inputs[0]!.shape!.map(Number), data: x }]]);
  const { outputs } = emulate(open, inputs, 1, { arithmetic: precision === "fp16" ? "float16" : "float32" });
  const session = await openSession(precision === "fp16" ? twinOf(open) : open, "test");
  const independent = await session.run(inputs);
  await session.release();
  for (const name of made) {
    expect(Array.from(outputs.get(name)!.data), `${name}, emulator against ONNX Runtime`).toEqual(
      Array.from(independent.get(name)!.data),
    );
  }
  return new Map(made.map((name) => [name, outputs.get(name)!.data]));
}

describe("a soft-reset neuron at the edge", () => {
  it("fires on the threshold, sums and stalls as float16 does", async () => {
    for (const name of file.keys("/edge")) {
      const path = `/edge/${name}`;
      const { shape } = file.array(`${path}/x`);
      const [T = 0, N = 0, ...rest] = shape;
      const vThreshold = Number(file.attribute(path, "v_threshold"));
      const start = file.attribute(path, "v_start");
      // a potential to begin with is given by one more step, which stays below the threshold
      const before =
        start === undefined ? [] : new Array<number>(N * rest.reduce((p, n) => p * n, 1)).fill(Number(start));
      const x = Float32Array.from([...before, ...numbers(`${path}/x`)]);
      const facts = { kind: "if", tau: 2, decayInput: true, vThreshold, vReset: null };
      const { model } = lowerGraph(neuronGraph(T + (start === undefined ? 0 : 1), rest, facts), { batch: N });
      const modes = { fp32: ["float32", "emulator32"], fp16: ["emulator", "twin"] } as const;
      for (const [precision, list] of Object.entries(modes)) {
        const expected = Array.from(file.floats(`${path}/${precision}/spike`));
        for (const mode of list) {
          const got = await spikesOf(model, x, rest, mode);
          expect(got.slice(before.length), `${name}, ${mode}`).toEqual(expected);
        }
      }
    }
  });
});
