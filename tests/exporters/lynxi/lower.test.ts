/** What the lowering writes: structure, names, numbers, and what it refuses. */
import { describe, expect, it } from "vitest";
import {
  checkModel,
  encodeOnnx,
  type KnownFacts,
  layoutOf,
  lowerGraph,
  type OnnxModel,
  runModel,
} from "../../../src/exporters/lynxi/index.ts";
import { inferValues } from "../../../src/exporters/lynxi/shapes/infer.ts";
import { type Graph, GraphBuilder, graphArray } from "../../../src/model/index.ts";
import { errorOf } from "../../error-of.ts";
import { directRun, dyadic, dyadicInput, type GraphPlan, planGraph } from "./graphs.ts";

const membrane = { vThreshold: 1, vReset: 0, detachReset: false };

const plan: GraphPlan = {
  steps: 4,
  form: "image",
  channels: 2,
  size: 4,
  groups: 1,
  batchNorm: true,
  pool: "max",
  bias: false,
  neuron: { kind: "IFNode", options: membrane },
  classes: 3,
  seed: 5,
};

/** Rules that a graph breaks: notes only say what could not be judged, or how large it is. */
const broken = (model: OnnxModel, known: KnownFacts = {}) =>
  checkModel(model, known).filter(({ severity }) => severity !== "note");
const operators = (model: OnnxModel) => model.nodes.map(({ op }) => op);
const shapeOf = (model: OnnxModel, name: string) => inferValues(model).facts.get(name)?.shape;

/** One stateless node between the input and nothing else, on an image. */
function single(shape: number[], add: (graph: GraphBuilder) => void, steps = 1): Graph {
  const graph = new GraphBuilder(steps);
  graph.add("input", { source: "input", shape, form: "image", values: "real" });
  add(graph);
  return graph.build();
}

describe("the whole-sequence form", () => {
  it("runs the first convolution once, repeats it over T, and unrolls the neurons on [T,N,L]", () => {
    const { model } = lowerGraph(planGraph(plan), { batch: 3 });
    const conv = model.nodes.findIndex(({ op }) => op === "Conv");
    const tile = model.nodes.findIndex(({ op }) => op === "Tile");
    expect(conv).toBeLessThan(tile);
    expect(shapeOf(model, model.nodes[conv]!.outputs[0]!)).toEqual([3, 2, 4, 4]);
    expect(shapeOf(model, model.nodes[tile]!.outputs[0]!)).toEqual([12, 2, 4, 4]);
    expect(model.nodes[tile + 1]).toMatchObject({
      op: "Reshape",
      inputs: [model.nodes[tile]!.outputs[0], "integers_4_3_32"],
    });
    const fires = model.nodes.filter(({ op }) => op === "GreaterOrEqual");
    expect(fires.map(({ inputs }) => shapeOf(model, inputs[0]!))).toEqual([
      ...new Array(4).fill([1, 3, 32]),
      ...new Array(4).fill([1, 3, 3]),
    ]);
    expect(model.outputs).toMatchObject([{ name: "rate", shape: [3, 3] }]);
  });

  it("writes an IF neuron with a reset to zero as Add, GreaterOrEqual, Cast, Sub, Mul, without the Add of the first step", () => {
    const { model } = lowerGraph(planGraph({ ...plan, steps: 3 }));
    const stepOps = (t: number) =>
      model.nodes.filter(({ name }) => name.includes(`spikes1.neuron.t${t}.`)).map(({ op }) => op);
    expect(stepOps(0)).toEqual(["Slice", "GreaterOrEqual", "Cast", "Sub", "Mul"]);
    expect(stepOps(1)).toEqual(["Slice", "Add", "GreaterOrEqual", "Cast", "Sub", "Mul"]);
    // nothing reads the state after the last step
    expect(stepOps(2)).toEqual(["Slice", "Add", "GreaterOrEqual", "Cast"]);
  });

  it("writes >= as Not of Less in operator set 11, with the older IR version", () => {
    const { model } = lowerGraph(planGraph(plan), { opset: 11 });
    expect(model).toMatchObject({ opset: 11, irVersion: 6 });
    expect(operators(model)).not.toContain("GreaterOrEqual");
    expect(operators(model).filter((op) => op === "Less").length).toBe(8);
    expect(broken(model)).toEqual([]);
  });

  it("keeps every design rule, with nothing dead and no batch norm left", () => {
    for (const batch of [1, 5]) {
      const { model, steps } = lowerGraph(planGraph(plan), { batch });
      expect(broken(model, { steps })).toEqual([]);
      expect(operators(model)).not.toContain("BatchNormalization");
    }
  });

  it("types every value float16 when asked, and holds the same numbers", () => {
    const { model } = lowerGraph(planGraph(plan), { dtype: "float16" });
    const types = new Set([...inferValues(model).facts.values()].map(({ type }) => type));
    expect([...types].sort()).toEqual(["bool", "float16", "int64"]);
    expect(broken(model)).toEqual([]);
  });

  it("gives the same bytes for the same network", () => {
    const bytes = () => encodeOnnx(lowerGraph(planGraph(plan)).model);
    expect(bytes()).toEqual(bytes());
  });

  it("takes a sequence as [T*N, ...] without a Tile", () => {
    const { model } = lowerGraph(planGraph({ ...plan, form: "sequence" }), { batch: 2 });
    expect(model.inputs[0]!.shape).toEqual([8, 1, 4, 4]);
    expect(operators(model)).not.toContain("Tile");
    expect(layoutOf(model, "x")).toMatchObject({ form: "sequence", steps: 4, batch: 2 });
  });

  it("maps each layer to its nodes and says what each neuron does", () => {
    const options = { ...membrane, tau: 2, decayInput: true, vReset: -0.5 };
    const { layers, model } = lowerGraph(planGraph({ ...plan, neuron: { kind: "LIFNode", options } }));
    const names = new Set(model.nodes.map(({ name }) => name));
    const neuron = layers.find(({ layer }) => layer === "spikes1")!;
    expect(neuron.neuron).toEqual({
      layer: "spikes1",
      kind: "LIFNode",
      vThreshold: 1,
      vReset: -0.5,
      form: "shift",
      spikes: "spikes1.neuron.spikes",
    });
    expect(neuron.nodes.filter((name) => names.has(name)).length).toBeGreaterThan(20);
    // seen from its reset potential the threshold is 1.5 and the state starts at zero
    const stored = model.initializers.find(({ name }) => name === "number_1.5");
    expect(Array.from(stored!.data as Float32Array)).toEqual([1.5]);
  });
});

describe("numbers in the graph", () => {
  it("are rounded to float16 once, and every change is reported", () => {
    const graph = single([1, 2, 2], (builder) =>
      builder.add("conv", {
        source: "conv",
        shape: [1, 2, 2],
        weight: graphArray(Float32Array.of(0.1), [1, 1, 1, 1]),
        bias: graphArray(Float32Array.of(0.25), [1]),
        stride: [1, 1],
        padding: [0, 0],
        dilation: [1, 1],
        groups: 1,
      }),
    );
    const { model, lossy } = lowerGraph(graph);
    // 0.1 as float16 is 0x2e66, 1638 / 16384
    expect(Array.from(model.initializers[0]!.data as Float32Array)).toEqual([0.0999755859375]);
    expect(lossy).toEqual([
      { place: "conv weight", what: "rounded to float16", count: 1, largestChange: Math.fround(0.1) - 0.0999755859375 },
    ]);
  });

  it("fold a batch norm in float64: weight gamma / sigma, bias (b - mean) gamma / sigma + beta", () => {
    const vector = (value: number) => graphArray(Float32Array.of(value), [1]);
    const graph = single([1, 1, 1], (builder) => {
      builder.add("conv", {
        source: "conv",
        shape: [1, 1, 1],
        weight: graphArray(Float32Array.of(3), [1, 1, 1, 1]),
        bias: vector(5),
        stride: [1, 1],
        padding: [0, 0],
        dilation: [1, 1],
        groups: 1,
      });
      const parts = {
        mean: vector(1),
        variance: vector(3.75),
        weight: vector(0.5),
        bias: vector(0.125),
        epsilon: 0.25,
      };
      builder.add("batchNorm", { source: "norm", shape: [1, 1, 1], ...parts });
    });
    const { model, lossy } = lowerGraph(graph);
    expect(model.initializers.map(({ data }) => Array.from(data as Float32Array))).toEqual([[0.75], [1.125]]);
    expect(lossy.map(({ place, what }) => `${place}: ${what}`)).toEqual([
      "norm: batch norm folded into conv (float64, stored as float32)",
    ]);
  });

  it("that float16 cannot hold are refused with the layer's name", () => {
    const graph = (weight: number) =>
      single([2], (builder) =>
        builder.add("linear", {
          source: "head",
          shape: [1],
          weight: graphArray(Float32Array.of(weight, 1), [1, 2]),
          bias: null,
        }),
      );
    const large = errorOf(() => lowerGraph(graph(70000)));
    expect(large.code).toBe("TARGET");
    expect(large.message).toContain("head weight");
    for (const broken of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const error = errorOf(() => lowerGraph(graph(broken)));
      expect(error.code).toBe("VALUE");
      expect(error.message).toContain('linear "head" weight[0]');
    }
  });
});

describe("what the chip cannot hold", () => {
  const neuron = (kind: string) =>
    single([2], (graph) => graph.add("neuron", { source: "layer7", shape: [2], neuron: kind, options: membrane }));

  it("integer neurons are refused by name, with the reason", () => {
    const error = errorOf(() => lowerGraph(neuron("CubaLIFNode")));
    expect(error.code).toBe("TARGET");
    expect(error.message).toMatch(
      /neuron "layer7": expected one of IFNode, LIFNode, .*CUBALIFNode, .*got CubaLIFNode\. .*integer grid.*LX004/,
    );
  });

  it("neurons that nobody knows are refused too", () => {
    expect(errorOf(() => lowerGraph(neuron("Izhikevich"))).message).toContain("Izhikevich");
  });

  it("three-dimensional layers are refused, which would need five dimensions", () => {
    const error = errorOf(() => lowerGraph(single([1, 2, 2, 2], () => undefined)));
    expect(error.message).toContain("LX001");
  });

  it("an average pool whose windows reach beyond the padded input is refused when it counts the padding", () => {
    const pool = (countIncludePad: boolean) =>
      single([1, 5, 5], (graph) =>
        graph.add("pool", {
          source: "pool",
          shape: [1, 3, 3],
          operation: "avg",
          kernelSize: [2, 2],
          stride: [2, 2],
          padding: [0, 0],
          dilation: [1, 1],
          ceilMode: true,
          countIncludePad,
        }),
      );
    expect(errorOf(() => lowerGraph(pool(true))).message).toContain("ceilMode");
    expect(lowerGraph(pool(false)).model.nodes[0]!.attributes.pads).toEqual({ kind: "ints", value: [0, 0, 1, 1] });
  });
});

describe("layers beside the usual ones", () => {
  async function expectGraph(graph: Graph, samples: number): Promise<void> {
    const { model } = lowerGraph(graph);
    expect(checkModel(model).filter(({ severity }) => severity === "error")).toEqual([]);
    const [input] = graph.nodes;
    const size = input!.shape.reduce((product, n) => product * n, 1);
    const data = dyadicInput(samples * size, 3);
    const layout = layoutOf(model, "x");
    for (const mode of ["float32", "emulator32"] as const) {
      const run = await runModel(
        model,
        layout,
        { form: "image", shape: [samples, ...input!.shape], data },
        { mode },
        "x",
      );
      for (let n = 0; n < samples; n++) {
        const image = Array.from(data.subarray(n * size, (n + 1) * size));
        const direct = directRun(graph, new Array(graph.steps).fill(image), "float32");
        expect(Array.from(run.rates.subarray(n * run.features, (n + 1) * run.features)), mode).toEqual(direct.rates);
      }
    }
  }

  it.each([
    ["max", { operation: "max", kernelSize: [3, 2], stride: [2, 1], padding: [1, 0], shape: [2, 3, 4] }],
    [
      "max with ceil mode",
      { operation: "max", kernelSize: [2, 2], stride: [2, 2], padding: [0, 0], shape: [2, 3, 3], ceilMode: true },
    ],
    [
      "average without padding in the count",
      {
        operation: "avg",
        kernelSize: [2, 2],
        stride: [1, 1],
        padding: [1, 1],
        shape: [2, 6, 6],
        countIncludePad: false,
      },
    ],
    [
      "average with padding in the count",
      { operation: "avg", kernelSize: [2, 2], stride: [2, 2], padding: [1, 1], shape: [2, 3, 3] },
    ],
    ["sum", { operation: "sum", kernelSize: [2, 2], stride: [2, 2], padding: [1, 1], shape: [2, 3, 3] }],
  ] as const)("a %s pool with its own window gives what a direct loop gives", async (_name, given) => {
    const graph = single(
      [2, 5, 5],
      (builder) => {
        const { operation, kernelSize, stride, padding, shape } = given;
        const options = { ceilMode: "ceilMode" in given, countIncludePad: !("countIncludePad" in given) };
        builder.add("pool", {
          source: "pool",
          shape,
          operation,
          kernelSize: [...kernelSize],
          stride: [...stride],
          padding: [...padding],
          dilation: [1, 1],
          ...options,
        });
        builder.add("flatten", { source: "flatten", shape: [shape[0] * shape[1] * shape[2]] });
        builder.add("neuron", { source: "spikes", shape: builder.current.shape, neuron: "IFNode", options: membrane });
        builder.add("rateOutput", { source: "output", shape: builder.current.shape });
      },
      3,
    );
    await expectGraph(graph, 2);
  });

  it("a convolution with stride, padding, dilation and groups gives what a direct loop gives", async () => {
    const graph = single(
      [4, 7, 6],
      (builder) => {
        builder.add("conv", {
          source: "conv",
          shape: [6, 3, 6],
          weight: graphArray(dyadic(6 * 2 * 3 * 2, 11), [6, 2, 3, 2]),
          bias: graphArray(dyadic(6, 12), [6]),
          stride: [2, 1],
          padding: [1, 1],
          dilation: [2, 2],
          groups: 2,
        });
        builder.add("neuron", { source: "spikes", shape: [6, 3, 6], neuron: "IFNode", options: membrane });
        builder.add("rateOutput", { source: "output", shape: [108] });
      },
      2,
    );
    await expectGraph(graph, 3);
  });

  it("a delay shows each row k steps later, and zeros before", async () => {
    const graph = new GraphBuilder(3);
    graph.add("input", { source: "input", shape: [1], form: "sequence", values: "spikes" });
    graph.add("delay", { source: "delay", shape: [1], steps: 2 });
    const { model } = lowerGraph(graph.build(), { batch: 2 });
    // no neuron tells T here: the layout is given
    const layout = {
      input: "x",
      output: model.outputs[0]!.name,
      form: "sequence" as const,
      steps: 3,
      batch: 2,
      inputShape: [1],
      spikes: [],
    };
    const input = { form: "sequence" as const, shape: [3, 2, 1], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
    for (const mode of ["float32", "emulator"] as const) {
      const run = await runModel(model, layout, input, { mode }, "x");
      expect(Array.from(run.sequence!)).toEqual([0, 0, 0, 0, 1, 2]);
    }
  });

  it("a sum of two branches repeats the one without time", async () => {
    const graph = new GraphBuilder(2);
    graph.add("input", { source: "input", shape: [2], form: "image", values: "real" });
    const input = graph.current.id;
    graph.add("neuron", { source: "spikes", shape: [2], neuron: "IFNode", options: membrane });
    graph.add("add", { source: "sum", shape: [2], inputs: [input, graph.current.id] });
    graph.add("rateOutput", { source: "output", shape: [2] });
    const { model } = lowerGraph(graph.build());
    const given = { form: "image" as const, shape: [1, 2], data: Float32Array.of(1, 0.5) };
    for (const mode of ["float32", "emulator"] as const) {
      const run = await runModel(model, layoutOf(model, "x"), given, { mode }, "x");
      // spikes 1 1 and 0 1, plus the input at each step
      expect(Array.from(run.rates)).toEqual([2, 1]);
    }
  });
});
