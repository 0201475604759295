/** Lowering a graph to the layers of a `.net` file: exact numbers, or a refusal with the way out. */
import { describe, expect, it } from "vitest";
import { simulateReference } from "../../../src/exporters/lava/emulation/simulate-reference.ts";
import { lowerToNet } from "../../../src/exporters/lava/lower.ts";
import { GraphBuilder, graphArray } from "../../../src/model/index.ts";
import { CUBA, convGraph, denseGraph, poolGraph } from "./graphs.ts";

describe("a dense block", () => {
  it("becomes a dense layer behind a neuron-less input, its numbers in weight steps", () => {
    const { net, layers, lossy } = lowerToNet(
      denseGraph({ neuron: { currentDecay: 0.5, voltageDecay: 0.25, vThreshold: 1.5 } }),
    );
    expect(net.layers[0]).toMatchObject({ type: "input", shape: [2], neuron: null });
    expect(net.layers[1]).toMatchObject({
      type: "dense",
      shape: [2],
      weight: { shape: [2, 2], data: Float64Array.of(32, -16, 64, 8) },
      bias: null,
      neuron: {
        type: "CUBA",
        iDecay: { data: Float64Array.of(2048) },
        vDecay: { data: Float64Array.of(1024) },
        vThMant: 96,
      },
    });
    expect(layers).toEqual([{ path: "fc.neuron", layer: 1, shape: [2], unit: 1, outputDelays: null }]);
    expect(lossy).toEqual([]);
  });

  it("keeps biases in weight steps where the current has no memory", () => {
    const { net } = lowerToNet(denseGraph({ bias: [0.25, -1] }));
    expect(net.layers[1]).toMatchObject({ bias: { shape: [2], data: Float64Array.of(16, -64) } });
  });

  it("adds the neuron's own bias to every output", () => {
    const { net } = lowerToNet(denseGraph({ bias: [0.25, -1], neuron: { bias: 0.5 } }));
    expect(net.layers[1]).toMatchObject({ bias: { data: Float64Array.of(48, -32) } });
  });

  it("lists what was rounded, with the size of the change", () => {
    const { lossy, net } = lowerToNet(denseGraph({ neuron: { voltageDecay: 1 / 3, vThreshold: 0.7 } }));
    expect(net.layers[1]).toMatchObject({ neuron: { vDecay: { data: Float64Array.of(1365) }, vThMant: 44 } });
    expect(lossy.map(({ what }) => what)).toEqual([
      "voltage decay rounded to 4096ths, as in training",
      "threshold cut to whole weight steps, as in training",
    ]);
    expect(lossy[1]!.largestChange).toBeCloseTo(0.8, 5);
  });

  it("of zeros gets one inhibitory weight, so that Lava can load it, and stays silent", () => {
    const { net, lossy, findings } = lowerToNet(denseGraph({ weight: [0, 0, 0, 0] }));
    expect(net.layers[1]).toMatchObject({ weight: { data: Float64Array.of(-2, 0, 0, 0) } });
    expect(lossy).toHaveLength(1);
    expect(findings.map(({ rule }) => rule)).toContain("loihi/dense-precision");
    const { output } = simulateReference(net, { shape: [5, 1, 2], data: new Array(10).fill(1) });
    expect(output.data.every((spike) => spike === 0)).toBe(true);
  });

  it("without a positive weight is written when it cannot fire, and refused when a bias lets it", () => {
    const inhibited = { weight: [-2, -0.5, -1, -2] };
    expect(lowerToNet(denseGraph(inhibited)).findings.map(({ severity }) => severity)).toContain("warning");
    expect(() => lowerToNet(denseGraph({ ...inhibited, bias: [3, 3] }))).toThrow(/loihi\/dense-precision/);
  });
});

describe("a convolution block", () => {
  it("keeps its geometry, groups and order of weights; a flatten stands behind it", () => {
    const { net } = lowerToNet(convGraph(0.25));
    expect(net.layers[1]).toMatchObject({
      type: "conv",
      shape: [4, 3, 2],
      stride: [2, 3],
      padding: [1, 0],
      dilation: [1, 1],
      groups: 2,
    });
    expect(net.layers[1]).toMatchObject({ weight: { shape: [4, 1, 3, 2], data: new Float64Array(24).fill(16) } });
    expect(net.layers[2]).toMatchObject({ type: "flatten", shape: [24, 1, 1] });
  });
});

describe("a pool block", () => {
  it("of sums becomes a convolution with one group per channel and the weight of 1", () => {
    const { net } = lowerToNet(poolGraph({ operation: "sum" }));
    expect(net.layers[1]).toMatchObject({ type: "conv", shape: [2, 2, 2], groups: 2, stride: [2, 2] });
    expect(net.layers[1]).toMatchObject({ weight: { shape: [2, 1, 2, 2], data: new Float64Array(8).fill(64) } });
  });

  it("of means becomes one with an even weight where there is one", () => {
    const { net, lossy } = lowerToNet(poolGraph({ operation: "avg", neuron: { voltageDecay: 0.25 } }));
    expect(net.layers[1]).toMatchObject({ weight: { data: new Float64Array(8).fill(16) }, neuron: { vThMant: 64 } });
    expect(lossy).toEqual([]);
  });

  it("of means over many pixels becomes a sum with a higher threshold, for a neuron without rounding", () => {
    const { net, lossy } = lowerToNet(poolGraph({ operation: "avg", size: 4, neuron: { scale: 16 } }));
    expect(net.layers[1]).toMatchObject({ weight: { data: new Float64Array(32).fill(16) }, neuron: { vThMant: 256 } });
    expect(lossy[0]!.what).toMatch(/threshold times 16: exact/);
  });

  it.each([
    ["a mean over 9 pixels", poolGraph({ operation: "avg", size: 3 }), /SumPool2d and multiply the threshold by 9/],
    [
      "a mean with a leak and no even weight",
      poolGraph({ operation: "avg", size: 4, neuron: { scale: 16, voltageDecay: 0.5 } }),
      /multiply the threshold by 16/,
    ],
    [
      "windows of other sizes at the border",
      poolGraph({ operation: "avg", padding: 1, countIncludePad: false }),
      /countIncludePad: true/,
    ],
    ["a size rounded up", poolGraph({ operation: "sum", ceilMode: true }), /ceilMode: false/],
    ["a scale at which 1 is no weight", poolGraph({ operation: "sum", neuron: { scale: 256 } }), /scale from 2 to 128/],
    ["a maximum", poolGraph({ operation: "max" }), /Over spikes it is an OR: prepare the network/],
  ])("refuses %s, with the nearest legal way", (_, graph, way) => {
    expect(() => lowerToNet(graph)).toThrow(way);
    expect(() => lowerToNet(graph)).toThrow(expect.objectContaining({ code: "TARGET" }));
  });
});

describe("what is no chain of blocks", () => {
  const begin = () => {
    const graph = new GraphBuilder(4);
    graph.add("input", { source: "input", shape: [2], form: "sequence", values: "spikes" });
    return graph;
  };
  const linear = (graph: GraphBuilder, source: string) =>
    graph.add("linear", { source, shape: [2], weight: graphArray(Float32Array.of(1, -1, 1, 1), [2, 2]), bias: null });
  const neuron = (graph: GraphBuilder, source: string) =>
    graph.add("neuron", { source, shape: [2], neuron: "CubaLIFNode", options: CUBA });

  it("refuses a synapse without a neuron", () => {
    const graph = begin();
    linear(graph, "a");
    linear(graph, "b");
    neuron(graph, "b.neuron");
    expect(() => lowerToNet(graph.build())).toThrow(/"a".*Put a neuron behind it/);
  });

  it("refuses a neuron without a synapse", () => {
    const graph = begin();
    neuron(graph, "alone");
    expect(() => lowerToNet(graph.build())).toThrow(/"alone".*Put a Linear, Conv2d or SumPool2d before it/);
  });

  it("refuses a sum of branches and a delay without a matrix behind it", () => {
    const graph = begin();
    linear(graph, "a");
    neuron(graph, "a.neuron");
    const branch = graph.current.id;
    linear(graph, "b");
    neuron(graph, "b.neuron");
    graph.add("add", { source: "sum", shape: [2], inputs: [branch, graph.current.id] });
    expect(() => lowerToNet(graph.build())).toThrow(/"sum".*no sum of two branches/);
    const delayed = begin();
    delayed.add("delay", { source: "wait", shape: [2], steps: 1 });
    delayed.add("rateOutput", { source: "output", shape: [2] });
    expect(() => lowerToNet(delayed.build())).toThrow(/"wait".*Train without it/);
  });

  it("refuses a layer that reads another one than its predecessor", () => {
    const graph = begin();
    const input = graph.current.id;
    linear(graph, "a");
    neuron(graph, "a.neuron");
    graph.add("linear", {
      source: "skip",
      shape: [2],
      inputs: [input],
      weight: graphArray(Float32Array.of(1, -1, 1, 1), [2, 2]),
      bias: null,
    });
    neuron(graph, "skip.neuron");
    expect(() => lowerToNet(graph.build())).toThrow(/"skip".*one chain of layers/);
  });

  it("refuses a network in which nothing fires", () => {
    expect(() => lowerToNet(begin().build())).toThrow(/No neuron fires/);
  });
});
