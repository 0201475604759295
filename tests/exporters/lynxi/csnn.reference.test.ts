/** A convolutional network against SpikingJelly and a numpy emulation of float16 (lynxi.h5), and graphs that torch.onnx.export wrote. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromFloat16Bits } from "../../../src/exporters/lynxi/emulation/float16.ts";
import {
  checkModel,
  type ExecutionMode,
  emulate,
  type Lowering,
  layoutOf,
  lowerGraph,
  openLynxi,
  readOnnx,
  runModel,
  runOnnx,
  summarizeOnnx,
} from "../../../src/exporters/lynxi/index.ts";
import { withOutputs } from "../../../src/exporters/lynxi/onnx/onnx-prune.ts";
import type { ChipInput } from "../../../src/exporters/target.ts";
import { type Graph, GraphBuilder, graphArray } from "../../../src/model/index.ts";
import { fixture } from "../../fixture.ts";
import { openReference, type ReferenceFile } from "../../h5.ts";

/**
 * Share of samples whose rates may differ where the same sums are added in another order (float64 there, float32 here): a float16 rounding
 * then moves by one unit about once in 10^4 values, a spike flips only where that unit crosses the threshold (none did with four seeds), and
 * one flip changes the rates of its sample alone.
 */
const SUM_ORDER_SAMPLES = 0.01;

let file: ReferenceFile;
beforeAll(async () => {
  file = await openReference(fixture("lynxi.h5"));
});
afterAll(() => file.close());

function numbers(path: string): Float32Array {
  const { data } = file.array(path);
  return data instanceof Uint16Array ? fromFloat16Bits(data) : Float32Array.from(data);
}

const stored = (name: string) => graphArray(numbers(`/csnn/param/${name}`), file.array(`/csnn/param/${name}`).shape);

/** conv, norm, IF, pool, conv, norm, IF, pool, flatten, linear, IF, linear, IF: the layer numbers are those of the stored network. */
function csnn(): Graph {
  const size = Number(file.attribute("/csnn", "size"));
  const graph = new GraphBuilder(Number(file.attribute("/csnn", "T")));
  const options = {
    vThreshold: Number(file.attribute("/csnn", "v_threshold")),
    vReset: Number(file.attribute("/csnn", "v_reset")),
    detachReset: false,
  };
  const neuron = (source: string, shape: number[]) => graph.add("neuron", { source, shape, neuron: "IFNode", options });
  graph.add("input", { source: "input", shape: [1, size, size], form: "image", values: "real" });
  let side = size;
  for (const at of [0, 4]) {
    const weight = stored(`${at}.weight`);
    const shape = [weight.shape[0]!, side, side];
    const same = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 };
    graph.add("conv", { source: `${at}`, shape, weight, bias: null, ...same });
    graph.add("batchNorm", {
      source: `${at + 1}`,
      shape,
      weight: stored(`${at + 1}.weight`),
      bias: stored(`${at + 1}.bias`),
      mean: stored(`${at + 1}.running_mean`),
      variance: stored(`${at + 1}.running_var`),
      epsilon: Number(file.attribute("/csnn", "bn_eps")),
    });
    neuron(`${at + 2}`, shape);
    side /= 2;
    const window = { kernelSize: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1] };
    const pooled = [shape[0]!, side, side];
    graph.add("pool", {
      source: `${at + 3}`,
      shape: pooled,
      operation: "max",
      ...window,
      ceilMode: false,
      countIncludePad: true,
    });
  }
  graph.add("flatten", { source: "8", shape: [graph.current.shape.reduce((product, n) => product * n, 1)] });
  for (const at of [9, 11]) {
    const weight = stored(`${at}.weight`);
    graph.add("linear", { source: `${at}`, shape: [weight.shape[0]!], weight, bias: null });
    neuron(`${at + 1}`, [weight.shape[0]!]);
  }
  graph.add("rateOutput", { source: "output", shape: graph.current.shape });
  return graph.build();
}

function images(path: string): ChipInput {
  return { form: "image", shape: file.array(path).shape, data: numbers(path) };
}

async function runCsnn(mode: ExecutionMode, foldBatchNorm: boolean, path: string, batch = 1) {
  const lowering = lowerGraph(csnn(), { foldBatchNorm, batch });
  const neurons = lowering.layers.flatMap(({ neuron }) => neuron ?? []);
  const spikes = neurons.map((neuron) => neuron.spikes);
  const run = await runModel(lowering.model, layoutOf(lowering.model, "csnn"), images(path), { mode, spikes }, "csnn");
  return { ...run, layers: new Map(neurons.map(({ layer, spikes: value }) => [layer, run.spikes.get(value)!])) };
}

/** Samples whose rates differ in any class, as a share. */
function samplesApart(got: Float32Array, expected: Float32Array, features: number): number {
  expect(got.length).toBe(expected.length);
  const apart = new Set<number>();
  got.forEach((rate, i) => {
    if (rate !== expected[i]) apart.add(Math.floor(i / features));
  });
  return apart.size / (got.length / features);
}

function share(got: Float32Array, expected: Float32Array): number {
  expect(got.length).toBe(expected.length);
  return got.reduce((sum, value, i) => sum + Number(value !== expected[i]), 0) / got.length;
}

describe("a convolutional network", () => {
  it("gives the stored spikes and rates in float32, in ONNX Runtime and in the emulator without rounding", async () => {
    for (const mode of ["float32", "emulator32"] as const) {
      // the stored float32 network has norms that float16 weights cannot hold once folded: they stay norms here
      const run = await runCsnn(mode, false, "/csnn/x");
      for (const [layer, spikes] of run.layers) {
        expect(share(spikes, file.floats(`/csnn/emul_fp32_folded/${layer}_spike`)), `${mode}, layer ${layer}`).toBe(0);
        expect(share(spikes, file.floats(`/csnn/exchange_fp32/${layer}_spike`)), `${mode}, layer ${layer}`).toBe(0);
      }
      expect(Array.from(run.rates)).toEqual(Array.from(numbers("/csnn/train_fp32/rate")));
      const many = await runCsnn(mode, false, "/csnn/many/x", 2);
      expect(samplesApart(many.rates, numbers("/csnn/many/emul_fp32_folded/rate"), many.features)).toBeLessThanOrEqual(
        SUM_ORDER_SAMPLES,
      );
    }
  });

  it("gives the stored spikes and rates in float16 with folded norms, in the emulator and as a twin", async () => {
    for (const mode of ["emulator", "twin"] as const) {
      const run = await runCsnn(mode, true, "/csnn/x", 2);
      for (const [layer, spikes] of run.layers) {
        expect(share(spikes, file.floats(`/csnn/emul_fp16_folded/${layer}_spike`)), `${mode}, layer ${layer}`).toBe(0);
      }
      expect(Array.from(run.rates)).toEqual(Array.from(numbers("/csnn/emul_fp16_folded/rate")));
      const many = await runCsnn(mode, true, "/csnn/many/x");
      expect(samplesApart(many.rates, numbers("/csnn/many/emul_fp16_folded/rate"), many.features)).toBeLessThanOrEqual(
        SUM_ORDER_SAMPLES,
      );
    }
  });

  it("gives the stored rates in float16 with norms that round for themselves", async () => {
    for (const mode of ["emulator", "twin"] as const) {
      const many = await runCsnn(mode, false, "/csnn/many/x", 4);
      expect(samplesApart(many.rates, numbers("/csnn/many/emul_fp16_unfused/rate"), many.features)).toBeLessThanOrEqual(
        SUM_ORDER_SAMPLES,
      );
    }
  });
});

/**
 * Share of activations that may differ where the same sum is added in another order and then rounded to float16: one unit moves about once in
 * 10^4 values (section 5.5 of the Lynxi specification allows as much).
 */
const MOVED_UNITS = 1e-4;

/** In float32 the order of a sum moves its last bits; activations are of the order of 1. */
const FLOAT32_SUM_ERROR = 1e-5;

describe("the activations of a convolutional network", () => {
  it("are the stored ones in every layer, bit for bit up to the order of a sum", () => {
    const groups = file.keys("/csnn").filter((name) => /^emul_fp(16|32)_(folded|unfused)$/.test(name));
    expect(groups.length).toBeGreaterThan(0);
    for (const group of groups) {
      const half = group.includes("fp16");
      // a graph holds float16 weights: the stored float32 network with folded norms has others
      const foldBatchNorm = group.endsWith("_folded") && half;
      const x = images("/csnn/x");
      const lowering = lowerGraph(csnn(), { foldBatchNorm, batch: x.shape[0]! });
      const { graph, values } = withActivations(lowering, file.keys(`/csnn/${group}`));
      const { outputs } = emulate(graph, new Map([["x", { shape: x.shape, data: x.data }]]), 1, {
        arithmetic: half ? "float16" : "float32",
      });
      for (const [stored, name] of values) {
        const expected = numbers(`/csnn/${group}/${stored}`);
        const got = outputs.get(name)!.data;
        // the first convolution runs once for all steps
        expect(expected.length % got.length, stored).toBe(0);
        const apart = expected.filter((number, i) => {
          const difference = Math.abs(number - got[i % got.length]!);
          return half ? difference !== 0 : difference > FLOAT32_SUM_ERROR;
        });
        expect(apart.length / expected.length, `${group}/${stored}`).toBeLessThanOrEqual(half ? MOVED_UNITS : 0);
      }
      expect(values.size).toBeGreaterThan(1);
    }
  });
});

/** The lowered graph with the results of its convolutions (behind the norm), linear layers and neurons as outputs, by their stored names. */
function withActivations({ model, layers }: Lowering, stored: string[]) {
  const made = new Map(model.nodes.map(({ name, outputs }) => [name, outputs[0]!]));
  const values = new Map<string, string>();
  for (const { layer, kind, nodes, neuron } of layers) {
    const written = nodes.filter((name) => made.has(name));
    const at = kind === "batchNorm" ? `${Number(layer) - 1}` : layer;
    const part = { conv: "conv_bn", batchNorm: "conv_bn", linear: "linear", neuron: "spike" }[kind as string];
    const value = neuron?.spikes ?? made.get(written.at(-1) ?? "");
    if (part && value && stored.includes(`${at}_${part}`)) values.set(`${at}_${part}`, value);
  }
  return { values, graph: withOutputs(model, [...new Set(values.values())]) };
}

describe("graphs written by torch.onnx.export", () => {
  it("run in ONNX Runtime as stored: float32, and float16 as the twin that came with them", async () => {
    const float32 = await runOnnx(fixture("csnn_torch_export.onnx"), images("/csnn/x"), { mode: "float32" });
    expect(Array.from(float32.rates)).toEqual(Array.from(numbers("/csnn/exchange_fp32/rate")));
    const twin = await runOnnx(fixture("csnn_fp16_twin.onnx"), images("/csnn/x"), { mode: "float32" });
    expect(Array.from(twin.rates)).toEqual(Array.from(numbers("/csnn/emul_fp16_folded/rate")));
  });

  it("become the same twin here, also from the graph typed float16", async () => {
    for (const name of ["csnn_torch_export.onnx", "csnn_torch_export_fp16.onnx"]) {
      const run = await runOnnx(fixture(name), images("/csnn/x"), { mode: "twin" });
      expect(Array.from(run.rates), name).toEqual(Array.from(numbers("/csnn/emul_fp16_folded/rate")));
    }
  });

  it("run as the chip would when opened like our own, with a note on how", async () => {
    for (const name of ["csnn_torch_export.onnx", "csnn_torch_export_fp16.onnx", "csnn_fp16_twin.onnx"]) {
      const { rates, events, layers } = await openLynxi(fixture(name)).run(images("/csnn/x"), { layers: true });
      expect(Array.from(rates), name).toEqual(Array.from(numbers("/csnn/emul_fp16_folded/rate")));
      expect(events).toMatchObject([{ severity: "note", rule: "LX004" }]);
      const stored = ["2", "6", "10", "12"].map((layer) => file.floats(`/csnn/emul_fp16_folded/${layer}_spike`));
      expect(
        layers.map(({ data }) => Array.from(data)),
        name,
      ).toEqual(stored.map((spikes) => Array.from(spikes)));
    }
  });

  it("keep the hard rules but for weights that float16 cannot hold, and have shape arithmetic to fold", () => {
    const { model } = readOnnx(fixture("csnn_torch_export.onnx"));
    const found = checkModel(model, { steps: Number(file.attribute("/csnn", "T")) });
    const rules = (severity: string) =>
      new Set(found.filter((finding) => finding.severity === severity).map(({ rule }) => rule));
    expect([...rules("error")]).toEqual(["LX011"]);
    expect(rules("warning")).toContain("LX006");
  });

  it("are summarised with their operators, layers and sizes", () => {
    const summary = summarizeOnnx(readOnnx(fixture("csnn_torch_export.onnx")));
    const operators = JSON.parse(String(file.attribute("/csnn", "onnx_ops")))["csnn_torch_export.onnx"] as Record<
      string,
      number
    >;
    expect(summary.operators).toEqual(operators);
    expect(summary.spikeLayers.map(({ steps }) => steps)).toEqual(
      new Array(4).fill(Number(file.attribute("/csnn", "T"))),
    );
    expect(summary.maxDimensions).toBe(4);
  });
});
