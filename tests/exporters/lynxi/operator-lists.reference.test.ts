/**
 * The emulator and the twin against every operator list in lynxi.h5, spikes and bits: the equations of SpikingJelly's exchange module, their exact
 * and their shifted form, in float32 and float16; and the activations of the stored network, layer by layer.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromFloat16Bits } from "../../../src/exporters/lynxi/emulation/float16.ts";
import { emulate, type OnnxModel, type OnnxNode, openSession, twinOf } from "../../../src/exporters/lynxi/index.ts";
import { fixture } from "../../fixture.ts";
import { openReference, type ReferenceFile } from "../../h5.ts";
import { floats, int, integers, modelOf, node, value } from "./models.ts";

let file: ReferenceFile;
beforeAll(async () => {
  file = await openReference(fixture("lynxi.h5"));
});
afterAll(() => file.close());

/** float16 datasets come as bits. */
function numbers(path: string): Float32Array {
  const { data } = file.array(path);
  return data instanceof Uint16Array ? fromFloat16Bits(data) : Float32Array.from(data);
}

type Form = "exchange" | "exact" | "shift";

interface ListFacts {
  form: Form;
  kind: string;
  vThreshold: number;
  vReset: number | null;
  tau: number;
  decayInput: boolean;
}

/** One step after the other, as `Cell` of the reference's generator writes it down. Returns nodes and what they are called. */
class OperatorList {
  readonly nodes: OnnxNode[] = [];
  readonly constants = new Map<string, number>();

  constructor(readonly facts: ListFacts) {}

  op(kind: string, name: string, inputs: (string | number)[]): string {
    const named = inputs.map((input) => (typeof input === "number" ? this.constant(input) : input));
    this.nodes.push(node(kind, name, named));
    return name;
  }

  constant(number: number): string {
    const name = `c${number}`;
    this.constants.set(name, number);
    return name;
  }

  charge(t: number, x: string, v: string): string {
    const { form, kind, vReset, tau, decayInput } = this.facts;
    const name = (part: string) => `${part}${t}`;
    if (kind === "if") return this.op("Add", name("h"), [x, v]);
    const [keep, take] = [1 - 1 / tau, 1 / tau];
    const shifted = form === "exchange" && vReset !== null ? this.op("Sub", name("sub"), [v, vReset]) : v;
    const kept = this.op("Mul", name("kept"), [shifted, keep]);
    const taken = decayInput ? this.op("Mul", name("taken"), [x, take]) : x;
    const biased = form === "exact" && vReset !== null && vReset !== 0;
    const sum = this.op("Add", name(biased ? "sum" : "h"), [kept, taken]);
    return biased ? this.op("Add", name("h"), [sum, take * vReset]) : sum;
  }

  step(t: number, x: string, v: string): string {
    const { form, vReset, vThreshold } = this.facts;
    const shift = form === "shift" ? vReset! : 0;
    const h = this.charge(t, x, v);
    const fires = this.op("GreaterOrEqual", `fires${t}`, [h, vThreshold - shift]);
    this.nodes.push(node("Cast", `s${t}`, [fires], { to: int(1) }));
    const back = (part: string) => `${part}${t}`;
    if (vReset === null) return this.op("Sub", `v${t}`, [h, this.op("Mul", back("down"), [`s${t}`, vThreshold])]);
    const off = this.op("Sub", back("off"), [1, `s${t}`]);
    const left = this.op("Mul", back(form === "shift" ? "v" : "left"), [off, h]);
    if (form === "shift") return left;
    return this.op("Add", `v${t}`, [left, this.op("Mul", back("rest"), [`s${t}`, vReset])]);
  }
}

/** x `[T*N, ...]` flattened to `[T, M]`; outputs all spikes, potentials and states. */
function listModel(facts: ListFacts, steps: number, size: number): OnnxModel {
  const list = new OperatorList(facts);
  const start = facts.form === "exact" ? (facts.vReset ?? 0) : 0;
  let v = "start";
  for (let t = 0; t < steps; t++) {
    list.nodes.push(node("Slice", `x${t}`, ["x", `from${t}`, `to${t}`, "axes"]));
    v = list.step(t, `x${t}`, v);
  }
  const each = (part: string) => Array.from({ length: steps }, (_, t) => `${part}${t}`);
  for (const part of ["s", "h", "v"]) list.nodes.push(node("Concat", `${part}_seq`, each(part), { axis: int(0) }));
  const bounds = Array.from({ length: steps }, (_, t) => [integers(`from${t}`, t), integers(`to${t}`, t + 1)]).flat();
  return modelOf(list.nodes, {
    inputs: [value("x", [steps, size])],
    outputs: ["s_seq", "h_seq", "v_seq"].map((name) => value(name, [steps, size])),
    initializers: [
      integers("axes", 0),
      ...bounds,
      floats("start", [1, size], new Array<number>(size).fill(start)),
      ...[...list.constants].map(([name, number]) => floats(name, [], [number])),
    ],
  });
}

function factsOf(path: string, form: Form): ListFacts {
  const read = (name: string) => file.attribute(path, name);
  const vReset = Number(read("v_reset"));
  return {
    form,
    kind: String(read("kind")),
    vThreshold: Number(read("v_threshold")),
    vReset: Number.isNaN(vReset) ? null : vReset,
    tau: Number(read("tau")),
    decayInput: Boolean(read("decay_input")),
  };
}

/** Numbers that differ; -0 and 0 are the same number. */
function apart(got: Float32Array, expected: Float32Array): number {
  expect(got.length).toBe(expected.length);
  return got.reduce((sum, number, i) => sum + Number(number !== expected[i]), 0);
}

describe("operator lists of the reference", () => {
  it("give spikes and bits of every case, form and precision, in the emulator and in ONNX Runtime", async () => {
    let compared = 0;
    for (const name of file.keys("/neuron")) {
      const path = `/neuron/${name}`;
      const lists = file.keys(path).filter((key) => /^(exchange|exact|shift)_fp(16|32)$/.test(key));
      expect(lists.length).toBeGreaterThan(0);
      for (const key of lists) {
        const [form = "", precision] = key.split("_");
        const steps = Number(file.attribute(path, "T"));
        const x = file.floats(`${path}/x`);
        const model = listModel(factsOf(path, form as Form), steps, x.length / steps);
        const inputs = new Map([["x", { shape: [steps, x.length / steps], data: x }]]);
        const half = precision === "fp16";
        const ours = emulate(model, inputs, 1, { arithmetic: half ? "float16" : "float32" }).outputs;
        const session = await openSession(half ? twinOf(model) : model, name);
        const theirs = await session.run(inputs);
        await session.release();
        for (const [side, outputs] of Object.entries({ ours, theirs })) {
          const data = (output: string) => outputs.get(output)!.data;
          const last = data("v_seq").slice(-x.length / steps);
          const stored: [string, Float32Array][] = [
            ["spike", data("s_seq")],
            ["h_seq", data("h_seq")],
            ["v_seq", data("v_seq")],
            ["v", last],
          ];
          for (const [part, got] of stored) {
            if (!file.has(`${path}/${key}/${part}`)) continue;
            expect(apart(got, numbers(`${path}/${key}/${part}`)), `${name}/${key}/${part}, ${side}`).toBe(0);
            compared++;
          }
        }
      }
    }
    expect(compared).toBeGreaterThan(file.keys("/neuron").length);
  });
});
