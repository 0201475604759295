/** The zoo of this target: deep spiking networks for small images pass every rule, export, and give training's spikes in ONNX Runtime. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { RandomStream } from "../../../src/core/index.ts";
import { layoutOfLowering } from "../../../src/exporters/lynxi/artefact/golden.ts";
import { checkModel, checkNetwork, lowerGraph, runModel } from "../../../src/exporters/lynxi/index.ts";
import { layers } from "../../../src/layers.ts";
import { type Layer, type Network, networkFromDescription, resetNet } from "../../../src/model/index.ts";
import { float32Twin, prepareForLynxi } from "../../../src/quantize/index.ts";
import { noGrad, roundFloat16, scope, Tensor, uniform } from "../../../src/tensor/index.ts";

const ZOO = ["spiking-vgg11", "sew-resnet18"];

/** Sums in another order can move a potential across its threshold: this share of all spikes may differ in a network this deep. */
const FLIPS = 2e-4;

function zooNetwork(name: string): Network {
  const path = fileURLToPath(new URL(`../../../examples/networks/${name}.json`, import.meta.url));
  const network = networkFromDescription(JSON.parse(readFileSync(path, "utf8")), layers, 7);
  // an untrained deep network is silent: larger scales of the norms let spikes through to its end
  for (const layer of network.layers()) {
    if (layer.kind === "BatchNorm2d") enliven(layer);
    else if (layer.parameters.has("weight")) withoutTinyWeights(layer);
  }
  return network;
}

/** Random starts hold a few numbers that float16 keeps badly, which is a finding. */
function withoutTinyWeights(layer: Layer): void {
  const weight = layer.tensor("weight");
  const data = weight.toArray().map((value: number) => Math.round(value * 4096) / 4096) as Float32Array;
  layer.setTensor("weight", Tensor.from(data, weight.shape));
}

function enliven(norm: Layer): void {
  const { shape } = norm.tensor("weight");
  norm.setTensor("weight", Tensor.full(shape, 6));
  norm.setTensor("bias", Tensor.full(shape, 0.25));
}

/** Spikes of every layer and the rates of the network in evaluation mode. */
function trained(network: Network, samples: Tensor) {
  const random = new RandomStream(1);
  const spikes = new Map<string, Float32Array>();
  const sequence = network.encode(samples, random);
  const observe = (layer: Layer, output: Tensor) => {
    spikes.set(layer.path, output.toArray() as Float32Array);
  };
  noGrad(() => scope(() => network.forwardSequence(sequence, { training: false, random, observe }).dispose()));
  resetNet(network);
  return spikes;
}

describe.each(ZOO)("%s", (name) => {
  it("keeps every design rule", () => {
    const network = zooNetwork(name);
    const findings = checkNetwork(network).filter(({ severity }) => severity !== "note");
    network.dispose();
    expect(findings).toEqual([]);
  });

  it("gives training's spikes in ONNX Runtime", { timeout: 60_000 }, async () => {
    const original = zooNetwork(name);
    const prepared = prepareForLynxi(original);
    const twin = float32Twin(prepared);
    const lowering = lowerGraph(prepared.lower(), { batch: 2, output: "spikes" });
    const { model, steps } = lowering;
    expect(checkModel(model, { steps }).filter(({ severity }) => severity === "error")).toEqual([]);
    const [data, expected] = scope(() => {
      const samples = roundFloat16(uniform([2, ...twin.inputShape], new RandomStream(3)));
      return [samples.toArray() as Float32Array, trained(twin, samples)];
    });
    const layout = layoutOfLowering(lowering);
    const input = { form: "image" as const, shape: [2, ...twin.inputShape], data };
    const run = await runModel(model, layout, input, { mode: "float32", spikes: layout.spikes }, name);
    const counts = { spikes: 0, all: 0, different: 0, lively: 0 };
    for (const { layer, spikes } of lowering.layers.flatMap(({ neuron }) => neuron ?? [])) {
      const [got, wanted] = [run.spikes.get(spikes)!, expected.get(layer)!];
      expect(got.length, layer).toBe(wanted.length);
      const fired = got.reduce((sum, spike) => sum + spike, 0);
      counts.spikes += fired;
      counts.all += got.length;
      counts.different += got.filter((spike, i) => spike !== wanted[i]).length;
      if (fired > 0) counts.lively += 1;
    }
    for (const network of [original, prepared, twin]) network.dispose();
    expect(counts.lively, "layers that fire").toBe(layout.spikes.length);
    expect(counts.spikes / counts.all).toBeGreaterThan(0.01);
    expect(counts.different / counts.all, `${counts.different} of ${counts.all} spikes`).toBeLessThanOrEqual(FLIPS);
  });
});
