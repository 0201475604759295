/** The emulator and the twin: rounding, groups of calls, and numbers that leave float16. */
import { f16round } from "@petamoriken/float16";
import { describe, expect, it } from "vitest";
import {
  emulate,
  layoutOf,
  lowerGraph,
  type OnnxModel,
  openSession,
  runModel,
  twinOf,
} from "../../../src/exporters/lynxi/index.ts";
import { GraphBuilder, graphArray } from "../../../src/model/index.ts";
import { dyadicInput, planGraph } from "./graphs.ts";
import { floats, modelOf, node } from "./models.ts";

const membrane = { vThreshold: 1, vReset: 0, detachReset: false };

function run(model: OnnxModel, data: number[], groups = 1, arithmetic: "float16" | "float32" = "float16") {
  const shape = [model.inputs[0]!.shape!.map(Number)[0]! * groups, ...model.inputs[0]!.shape!.slice(1).map(Number)];
  const { outputs, nonFinite } = emulate(model, new Map([["x", { shape, data: Float32Array.from(data) }]]), groups, {
    arithmetic,
  });
  return { y: Array.from(outputs.get("y")!.data), shape: outputs.get("y")!.shape, nonFinite };
}

describe("the float16 emulator", () => {
  it("rounds the input once and the result of every operator, to nearest even", () => {
    const add = modelOf([node("Add", "y", ["x", "w"])], { initializers: [floats("w", [1], [1])] });
    // float16 has steps of 2^-10 above 1: halves of them go to the even neighbour
    expect(run(add, [2 ** -11, 3 * 2 ** -11, 0.1, 2048, 0, 0]).y).toEqual([
      1,
      1 + 2 ** -9,
      f16round(1 + f16round(0.1)),
      2048,
      1,
      1,
    ]);
    expect(run(add, [2 ** -11, 0, 0, 0, 0, 0], 1, "float32").y[0]).toBe(1 + 2 ** -11);
  });

  it("adds inside an operator without rounding in between", () => {
    const product = modelOf([node("MatMul", "y", ["x", "w"])], { initializers: [floats("w", [3, 1], [1, 1, 1])] });
    // 2048 + 1 + 1: rounded after each addition it would stay 2048
    expect(run(product, [2048, 1, 1, 1, 1, 1]).y).toEqual([2050, 3]);
  });

  it("gives the same for large layers, whose operators run a few calls at a time, as for one call alone", () => {
    const [steps, size, calls] = [2, 2 ** 18, 3];
    const graph = new GraphBuilder(steps);
    graph.add("input", { source: "input", shape: [size], form: "sequence", values: "real" });
    graph.add("neuron", { source: "fire", shape: [size], neuron: "IFNode", options: membrane });
    const { model } = lowerGraph(graph.build());
    const one = steps * size;
    const data = Float32Array.from({ length: calls * one }, (_, i) => ((i * 2654435761) % 4096) / 2048 - 0.5);
    const emulated = (part: Float32Array, groups: number) => {
      const { outputs } = emulate(model, new Map([["x", { shape: [groups * steps, size], data: part }]]), groups);
      return [...outputs.values()][0]!.data;
    };
    const together = emulated(data, calls);
    expect(together.some((spike) => spike === 1)).toBe(true);
    for (let call = 0; call < calls; call++) {
      const alone = emulated(data.subarray(call * one, (call + 1) * one), 1);
      const apart = together.subarray(call * one, (call + 1) * one).findIndex((spike, i) => spike !== alone[i]);
      expect(apart, `call ${call}`).toBe(-1);
    }
  });

  it("runs many calls at once as if they were run one by one", async () => {
    const graph = planGraph({
      steps: 3,
      form: "image",
      channels: 2,
      size: 4,
      groups: 2,
      batchNorm: false,
      pool: "avg",
      bias: true,
      neuron: { kind: "IFNode", options: membrane },
      classes: 3,
      seed: 21,
    });
    const { model } = lowerGraph(graph, { batch: 2 });
    const [calls, size] = [5, 2 * 2 * 16];
    const data = dyadicInput(calls * size, 4);
    const whole = emulate(model, new Map([["x", { shape: [calls * 2, 2, 4, 4], data }]]), calls).outputs.get("rate")!;
    const single = Array.from({ length: calls }, (_, call) => {
      const part = data.slice(call * size, (call + 1) * size);
      return Array.from(
        emulate(model, new Map([["x", { shape: [2, 2, 4, 4], data: part }]]), 1).outputs.get("rate")!.data,
      );
    });
    expect(whole.shape).toEqual([calls * 2, 3]);
    expect(Array.from(whole.data)).toEqual(single.flat());
    expect(new Set(whole.data).size).toBeGreaterThan(1);
  });

  it("names the operator whose result first left the range of float16", async () => {
    const graph = new GraphBuilder(3);
    graph.add("input", { source: "input", shape: [1], form: "image", values: "real" });
    const weight = graphArray(Float32Array.of(60000), [1, 1]);
    graph.add("linear", { source: "head", shape: [1], weight, bias: null });
    graph.add("neuron", {
      source: "spikes",
      shape: [1],
      neuron: "IFNode",
      options: { ...membrane, vThreshold: 65000 },
    });
    graph.add("rateOutput", { source: "output", shape: [1] });
    const { model } = lowerGraph(graph.build());
    const layout = layoutOf(model, "x");
    const of = async (x: number) => {
      const input = { form: "image" as const, shape: [1, 1], data: Float32Array.of(x) };
      return (await runModel(model, layout, input, { mode: "emulator" }, "x")).nonFinite;
    };
    expect(await of(0.25)).toEqual([]);
    expect((await of(2))[0]).toEqual({ node: "head.linear", count: 1 });
    // 60000 + 60000 is too much for the sum, not for the layer before it
    expect((await of(1))[0]).toEqual({ node: "spikes.neuron.t1.add", count: 1 });
  });

  it("fires never again once a potential is no number, as the operators say", () => {
    const reset = modelOf([node("Sub", "k", ["one", "x"]), node("Mul", "y", ["k", "w"])], {
      initializers: [floats("one", [1], [1]), floats("w", [1], [Number.POSITIVE_INFINITY])],
    });
    const { y, nonFinite } = run(reset, [1, 0, 0, 0, 0, 0]);
    expect(y[0]).toBeNaN();
    expect(nonFinite).toEqual([{ node: "node_y", count: 6 }]);
  });
});

describe("the twin", () => {
  const model = modelOf([node("Mul", "p", ["x", "w"]), node("Add", "y", ["p", "x"])], {
    initializers: [floats("w", [1], [0.1])],
  });

  it("has a Cast to float16 and back behind the input and behind every operator that computes", () => {
    const twin = twinOf(model);
    expect(twin.nodes.map(({ op }) => op)).toEqual(["Cast", "Cast", "Mul", "Cast", "Cast", "Add", "Cast", "Cast"]);
    expect(Array.from(twin.initializers[0]!.data as Float32Array)).toEqual([f16round(0.1)]);
    expect(new Set(twin.nodes.map(({ name }) => name)).size).toBe(twin.nodes.length);
  });

  it("rounds in ONNX Runtime where a graph typed float16 would not be trusted to", async () => {
    const x = [0.1, 0.7, 1.3, 2.9, 1000.3, 0.0004];
    const session = await openSession(twinOf(model), "twin");
    const outputs = await session.run(new Map([["x", { shape: [2, 3], data: Float32Array.from(x) }]]));
    await session.release();
    const expected = x.map((value) => f16round(f16round(f16round(value) * f16round(0.1)) + f16round(value)));
    expect(Array.from(outputs.get("y")!.data)).toEqual(expected);
    expect(run(model, x).y).toEqual(expected);
  });
});
