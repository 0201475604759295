/** Every entry of the registry runs the layer contract. What is special about single layers: `layer-behaviour.test.ts`. */
import { describe, expect, it } from "vitest";
import { layers } from "../../src/layers.ts";
import { layerFromDescription, layerRegistry, linearDefinition, modelLayerDefinitions } from "../../src/model/index.ts";
import { type LayerCase, layerContract } from "../contracts/layer.ts";
import { errorOf } from "../error-of.ts";

/** A surrogate that is nowhere zero, so that gradients show in small examples. */
const surrogate = { kind: "Sigmoid", alpha: 2 };
const image = [2, 6, 4];
const conv = { kind: "Conv2d", inChannels: 2, outChannels: 4, kernelSize: [3, 2], padding: 1, stride: [2, 1] };
const same = { kind: "Conv2d", inChannels: 2, outChannels: 2, kernelSize: 3, padding: 1, bias: false };
const one = { shape: [], value: 1 };
const members = [conv, { kind: "IFNode", surrogate, vThreshold: 0.1 }, { kind: "Flatten" }];
const convBound = 1 / Math.sqrt(2 * 3 * 2);
const flat = { kind: "Linear", inFeatures: 9, outFeatures: 5, bias: false };
const square = { ...flat, inFeatures: 5 };
const cuba = { kind: "CubaLIFNode", currentDecay: 0.5, voltageDecay: 0.25, vThreshold: 0.25, surrogate };
const statistics = (channels: number) => ({
  running_mean: { shape: [channels], value: 0 },
  running_var: { shape: [channels], value: 1 },
  num_batches_tracked: { shape: [], value: 0 },
});

const cases: LayerCase[] = [
  {
    description: conv,
    input: image,
    tensors: { weight: { shape: [4, 2, 3, 2], bound: convBound }, bias: { shape: [4], bound: convBound } },
    refuses: [3, 6, 4],
    lowersTo: ["conv"],
  },
  {
    description: { kind: "Linear", inFeatures: 9, outFeatures: 5 },
    input: [9],
    tensors: { weight: { shape: [5, 9], bound: 1 / 3 }, bias: { shape: [5], bound: 1 / 3 } },
    refuses: [8],
    lowersTo: ["linear"],
  },
  {
    description: { kind: "BatchNorm2d", numFeatures: 2 },
    input: image,
    tensors: { weight: { shape: [2], value: 1 }, bias: { shape: [2], value: 0 }, ...statistics(2) },
    refuses: [3, 6, 4],
    lowersTo: ["batchNorm"],
  },
  {
    description: { kind: "Conv1d", inChannels: 2, outChannels: 3, kernelSize: 3, padding: "same" },
    input: [2, 7],
    tensors: { weight: { shape: [3, 2, 3], bound: 1 / Math.sqrt(6) }, bias: { shape: [3], bound: 1 / Math.sqrt(6) } },
    refuses: [2, 7, 1],
    lowersTo: ["conv"],
  },
  {
    description: { kind: "Conv3d", inChannels: 1, outChannels: 2, kernelSize: 2, bias: false },
    input: [1, 3, 4, 3],
    tensors: { weight: { shape: [2, 1, 2, 2, 2], bound: 1 / Math.sqrt(8) } },
    refuses: [1, 3, 4],
    lowersTo: ["conv"],
  },
  {
    description: { kind: "ConvTranspose1d", inChannels: 2, outChannels: 3, kernelSize: 3, stride: 2, outputPadding: 1 },
    input: [2, 5],
    tensors: { weight: { shape: [2, 3, 3], bound: 1 / 3 }, bias: { shape: [3], bound: 1 / 3 } },
    refuses: [3, 5],
    lowersTo: ["convTranspose"],
  },
  {
    description: { kind: "ConvTranspose2d", inChannels: 2, outChannels: 4, kernelSize: 2, stride: 2, groups: 2 },
    input: image,
    tensors: {
      weight: { shape: [2, 2, 2, 2], bound: 1 / Math.sqrt(8) },
      bias: { shape: [4], bound: 1 / Math.sqrt(8) },
    },
    refuses: [3, 6, 4],
    lowersTo: ["convTranspose"],
  },
  {
    description: { kind: "BatchNorm1d", numFeatures: 9 },
    input: [9],
    tensors: { weight: { shape: [9], value: 1 }, bias: { shape: [9], value: 0 }, ...statistics(9) },
    refuses: [8],
    lowersTo: ["batchNorm"],
  },
  { description: { kind: "MaxPool1d", kernelSize: 2 }, input: [2, 7], refuses: [7], lowersTo: ["pool"] },
  { description: { kind: "AvgPool1d", kernelSize: 3, stride: 2 }, input: [2, 7], refuses: [2, 2], lowersTo: ["pool"] },
  { description: { kind: "AdaptiveAvgPool1d", outputSize: 3 }, input: [2, 6], refuses: [6], lowersTo: ["pool"] },
  {
    description: { kind: "AdaptiveAvgPool2d", outputSize: [3, 2] },
    input: image,
    refuses: [6],
    lowersTo: ["pool"],
  },
  {
    description: { kind: "Upsample", scaleFactor: [2, 3] },
    input: image,
    refuses: [6],
    lowersTo: ["convTranspose"],
  },
  { description: { kind: "VotingLayer", votingSize: 3 }, input: [9], refuses: [8], lowersTo: ["voting"] },
  {
    description: {
      kind: "SEWBlock",
      path: { kind: "Sequential", layers: [same, { kind: "IFNode", surrogate, vThreshold: 0.1 }] },
      shortcut: { kind: "Dropout", p: 0 },
      connect: "IAND",
    },
    input: image,
    spikes: true,
    tensors: { "path.0.weight": { shape: [2, 2, 3, 3], bound: 1 / Math.sqrt(18) } },
    refuses: [3, 6, 4],
    branches: true,
    lowersTo: ["conv", "neuron", "gate"],
  },
  {
    description: {
      kind: "SpikingResBlock",
      path: same,
      neuron: { kind: "LIFNode", surrogate, vThreshold: 0.3 },
    },
    input: image,
    tensors: { "path.weight": { shape: [2, 2, 3, 3], bound: 1 / Math.sqrt(18) } },
    refuses: [3, 6, 4],
    branches: true,
    lowersTo: ["conv", "add", "neuron"],
  },
  { description: { kind: "KLIFNode", surrogate }, input: image, tensors: { k: one }, lowersTo: ["neuron"] },
  { description: { kind: "QIFNode", surrogate }, input: image, lowersTo: ["neuron"] },
  { description: { kind: "EIFNode", surrogate }, input: image, lowersTo: ["neuron"] },
  { description: { kind: "CUBALIFNode", surrogate }, input: image, lowersTo: ["neuron"] },
  { description: { kind: "NonSpikingIFNode" }, input: image, lowersTo: ["neuron"] },
  { description: { kind: "NonSpikingLIFNode", tau: 3 }, input: image, lowersTo: ["neuron"] },
  {
    description: { kind: "PSN", T: 3, surrogate },
    input: image,
    wholeSequence: true,
    tensors: { weight: { shape: [3, 3], bound: 1 / Math.sqrt(3) }, bias: { shape: [3, 1], value: -1 } },
    lowersTo: ["parallelNeuron"],
  },
  {
    description: { kind: "MaskedPSN", k: 2, T: 3, lambdaInit: 0.5, surrogate },
    input: image,
    wholeSequence: true,
    tensors: { weight: { shape: [3, 3], bound: 1 / Math.sqrt(3) }, bias: { shape: [3, 1], value: -1 } },
    lowersTo: ["parallelNeuron"],
  },
  {
    description: { kind: "SlidingPSN", k: 1, surrogate },
    input: image,
    wholeSequence: true,
    tensors: { weight: { shape: [1], value: 1 }, bias: { shape: [], value: -1 } },
    lowersTo: ["parallelNeuron"],
  },
  { description: { kind: "MaxPool2d", kernelSize: 2, padding: 1 }, input: image, refuses: [6, 4], lowersTo: ["pool"] },
  {
    description: { kind: "AvgPool2d", kernelSize: [3, 2], ceilMode: true },
    input: image,
    refuses: [6],
    lowersTo: ["pool"],
  },
  {
    description: { kind: "SumPool2d", kernelSize: 2, stride: 1 },
    input: image,
    refuses: [2, 6, 1],
    lowersTo: ["pool"],
  },
  { description: { kind: "Flatten" }, input: image, lowersTo: ["flatten"] },
  { description: { kind: "Dropout", p: 0.3 }, input: image, lowersTo: [] },
  { description: { kind: "IFNode", surrogate }, input: image, lowersTo: ["neuron"] },
  { description: { kind: "LIFNode", tau: 1.5, vReset: -0.2, surrogate }, input: image, lowersTo: ["neuron"] },
  {
    description: { kind: "ParametricLIFNode", initTau: 3, surrogate },
    input: image,
    tensors: { w: { shape: [], value: -Math.log(2) } },
    lowersTo: ["neuron"],
  },
  {
    description: { ...cuba, requiresGrad: true },
    input: image,
    tensors: { current_decay: { shape: [], value: 2048 }, voltage_decay: { shape: [], value: 1024 } },
    lowersTo: ["neuron"],
  },
  { description: { kind: "CubaCurrent", currentDecay: 0.5 }, input: image, lowersTo: ["neuron"] },
  { description: { kind: "CubaVoltage", voltageDecay: 0.5, surrogate }, input: image, lowersTo: ["neuron"] },
  {
    description: { kind: "Sequential", layers: members },
    input: image,
    tensors: { "0.weight": { shape: [4, 2, 3, 2], bound: convBound }, "0.bias": { shape: [4], bound: convBound } },
    refuses: [2, 6],
    lowersTo: ["conv", "neuron", "flatten"],
  },
  {
    description: { kind: "Float16Sequential", layers: { first: members[0], spikes: members[1] } },
    input: image,
    tensors: {
      "first.weight": { shape: [4, 2, 3, 2], bound: convBound },
      "first.bias": { shape: [4], bound: convBound },
    },
    refuses: [1, 6, 4],
    lowersTo: ["conv", "neuron"],
  },
  {
    description: { kind: "Block", synapse: flat, neuron: cuba },
    input: [9],
    spikes: true,
    tensors: { "synapse.weight": { shape: [5, 9], bound: 1 / 3 } },
    refuses: [9, 1],
    lowersTo: ["linear", "neuron"],
  },
  {
    description: { kind: "RecurrentBlock", synapse: flat, recurrent: square, neuron: cuba },
    input: [9],
    spikes: true,
    tensors: {
      "synapse.weight": { shape: [5, 9], bound: 1 / 3 },
      "recurrent.weight": { shape: [5, 5], bound: 1 / Math.sqrt(5) },
    },
    refuses: [9, 1],
    branches: true,
    lowersTo: ["linear", "linear", "add", "neuron"],
  },
  {
    description: { kind: "InputBlock", neuron: cuba, weight: 0.5, bias: 0.25 },
    input: image,
    tensors: { weight: { shape: [1], value: 0.5 }, bias: { shape: [1], value: 0.25 } },
    lowersTo: ["neuron"],
  },
  {
    description: { kind: "AxonalDelay", channels: 2, initial: 1.5 },
    input: image,
    tensors: { delay: { shape: [2], value: 1.5 } },
    refuses: [3, 6, 4],
    lowersTo: ["delay"],
  },
  { description: { kind: "DelayShift", steps: 2 }, input: image, lowersTo: ["delay"] },
  {
    description: { kind: "SigmaDelta", channels: 2, threshold: 0.25 },
    input: image,
    tensors: { bias: { shape: [2], value: 0 } },
    lowersTo: null,
  },
  {
    description: { kind: "SigmaDeltaBlock", synapse: flat, neuron: { kind: "SigmaDelta" } },
    input: [9],
    tensors: { "synapse.weight": { shape: [5, 9], bound: 1 / 3 } },
    refuses: [9, 1],
    lowersTo: ["linear", "neuron"],
  },
  {
    description: { kind: "MeanOnlyBatchNorm", numFeatures: 2 },
    input: image,
    tensors: { running_mean: { shape: [2], value: 0 } },
    refuses: [3, 6, 4],
    lowersTo: null,
  },
  {
    description: { kind: "WgtScaleBatchNorm", numFeatures: 2 },
    input: image,
    tensors: { running_mean: { shape: [2], value: 0 }, running_var: { shape: [1], value: 0 } },
    refuses: [1],
    lowersTo: null,
  },
];

describe("the registry", () => {
  it("has an example of every kind in the contract below", () => {
    expect(cases.map(({ description }) => description.kind).sort()).toEqual([...layers.keys()].sort());
  });

  it("holds every kind once", () => {
    const { message } = errorOf(() => layerRegistry(modelLayerDefinitions, [linearDefinition]));
    expect(message).toContain('expected every kind once, got "Linear" twice');
  });

  it("names the nearest kind to an unknown one, and the place", () => {
    const description = { kind: "Sequential", layers: [{ kind: "Flatten" }, { kind: "IFnod" }] };
    const { code, message } = errorOf(() => layerFromDescription(description, layers));
    expect(code).toBe("OPTION");
    expect(message).toMatch(/^network\.1: expected one of .*, got "IFnod"\. Did you mean "IFNode"\?$/);
  });

  it("refuses what is no layer at all", () => {
    for (const nothing of [null, 5, "Conv2d", {}, { kind: 7 }, []]) {
      expect(errorOf(() => layerFromDescription(nothing, layers)).message).toContain(
        'a layer such as { "kind": "Conv2d"',
      );
    }
  });
});

for (const layerCase of cases) layerContract(layerCase, layers);
