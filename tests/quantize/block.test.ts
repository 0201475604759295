/** Lava's Block as a layer: what it is made of, what it refuses, and what it becomes on the chip. */
import { describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import { layers } from "../../src/layers.ts";
import {
  AvgPool2d,
  BatchNorm2d,
  ConstantEncoder,
  Conv2d,
  CubaCurrent,
  CubaLIFNode,
  createNetwork,
  describeLayer,
  IFNode,
  type Layer,
  LIFNode,
  Linear,
  layerFromDescription,
  MaxPool2d,
  type Network,
  ParametricLIFNode,
  SumPool2d,
} from "../../src/model/index.ts";
import { Block, MeanOnlyBatchNorm, WgtScaleBatchNorm } from "../../src/quantize/index.ts";
import { noGrad, scope, Tensor, uniform } from "../../src/tensor/index.ts";
import { errorOf } from "../error-of.ts";

const dense = (inFeatures = 4, outFeatures = 3) => Linear({ inFeatures, outFeatures, bias: false });
const inside = (root: Layer, inputShape: number[]): Network =>
  createNetwork({ inputShape, steps: 4, encoder: ConstantEncoder(), root }, 1);

function withNetwork<R>(root: Layer, inputShape: number[], body: (network: Network) => R): R {
  const network = inside(root, inputShape);
  try {
    return scope(() => body(network));
  } finally {
    network.dispose();
  }
}

/** The refusal's code is TARGET and its place is the layer; returns the rest of the message. */
function refusal(make: () => unknown, place: string): string {
  const { code, message, facts } = errorOf(make);
  expect(code).toBe("TARGET");
  expect(facts.where).toBe(`Loihi, ${place}`);
  return message;
}

describe("the neuron of a Block", () => {
  it("is the CUBA neuron of an IF or LIF neuron, with its surrogate and detachReset", () => {
    const surrogate = { kind: "ATan", alpha: 3 } as const;
    const neuronOf = (neuron: Layer) => describeLayer(Block(dense(), neuron)).neuron;
    expect(neuronOf(IFNode({ vThreshold: 2, surrogate, detachReset: true, storeVSeq: true }))).toMatchObject({
      kind: "CubaLIFNode",
      currentDecay: 1,
      voltageDecay: 0,
      vThreshold: 2,
      resetGradient: "detached",
      surrogate,
      storeVSeq: true,
    });
    expect(neuronOf(LIFNode({ tau: 4, decayInput: false }))).toMatchObject({
      voltageDecay: 0.25,
      surrogate: { kind: "Sigmoid", alpha: 4 },
    });
    expect(neuronOf(LIFNode({ tau: 4, decayInput: false }))).not.toHaveProperty("resetGradient");
    const own = CubaLIFNode({ currentDecay: 0.5, voltageDecay: 0.1, scale: 256 });
    expect(Block(dense(), own).options.neuron).toBe(own);
  });

  it("is refused with the reason where the chip has no such neuron", () => {
    const refused = (neuron: Layer, kind: string) => refusal(() => Block(dense(), neuron), kind);
    expect(refused(IFNode({ vReset: null }), "IFNode")).toContain("got a soft reset (vReset null). Loihi resets to 0");
    expect(refused(LIFNode({ vReset: -0.5, decayInput: false }), "LIFNode")).toContain(
      "expected vReset 0, got vReset -0.5",
    );
    expect(refused(LIFNode(), "LIFNode")).toContain(
      "Loihi does not divide the input by tau: train with decayInput: false",
    );
    expect(refused(ParametricLIFNode(), "ParametricLIFNode")).toContain("train with LIFNode and that tau");
    expect(refused(CubaCurrent({ currentDecay: 1 }), "CubaCurrent")).toContain(
      "expected an IFNode, LIFNode or CubaLIFNode",
    );
  });
});

describe("the synapse of a Block", () => {
  it("is refused with the reason and the way out where the chip has no such synapse", () => {
    const refused = (synapse: Layer, kind: string) => refusal(() => Block(synapse, IFNode()), kind);
    expect(refused(MaxPool2d({ kernelSize: 2 }), "MaxPool2d")).toContain(
      "preparing the network turns it into a block of its own",
    );
    expect(refused(AvgPool2d({ kernelSize: 2 }), "AvgPool2d")).toContain("turns it into a SumPool2d");
    expect(refused(BatchNorm2d({ numFeatures: 2 }), "BatchNorm2d")).toContain("folds it into the weights before it");
    expect(refused(IFNode(), "IFNode")).toContain("Each block is one synapse followed by one neuron.");
  });

  it("has a bias only where the chip's, which is added to the voltage, is the same", () => {
    const biased = () => Linear({ inFeatures: 2, outFeatures: 2 });
    const behind = (neuron: Layer, norm?: Layer) => refusal(() => Block(biased(), neuron, norm), "Linear");
    expect(behind(CubaLIFNode({ currentDecay: 0.5, voltageDecay: 0 }))).toContain("got currentDecay 0.5");
    expect(behind(CubaLIFNode({ currentDecay: 1, voltageDecay: 0, requiresGrad: true }))).toContain("that are learned");
    expect(behind(IFNode(), MeanOnlyBatchNorm({ numFeatures: 2 }))).toContain("expected bias false, got bias true");
    withNetwork(Block(biased(), IFNode({ vThreshold: 1 })), [2], (network) => {
      network.layer("synapse").setTensor("bias", Tensor.from([0.52, -70], [2]));
      const [, synapse] = network.lower().nodes;
      // 33.28 steps are nearest to 33, which need not be even; 13 bits end at -4096 steps
      expect(synapse).toMatchObject({ bias: { data: Float32Array.of(33 / 64, -64) } });
    });
  });

  it("may be a sum pool only at scales that hold its weight of 1", () => {
    const pool = (scale: number) =>
      Block(SumPool2d({ kernelSize: 2 }), CubaLIFNode({ currentDecay: 1, voltageDecay: 0, scale }));
    expect(pool(128).outputShape([1, 4, 4])).toEqual([1, 2, 2]);
    expect(refusal(() => pool(256), "SumPool2d")).toContain(
      "expected a neuron with a scale of at most 128, got scale 256",
    );
  });

  it("computes with even weights from -256 to 254 steps", () => {
    withNetwork(Block(dense(4, 1), CubaLIFNode({ currentDecay: 1, voltageDecay: 0, scale: 32 })), [4], (network) => {
      const synapse = network.layer("synapse");
      synapse.setTensor("weight", Tensor.from([0.1, -0.1, 20, -20], [1, 4]));
      const seen: number[][] = [];
      const context = {
        training: false,
        random: new RandomStream(0),
        observe: (layer: Layer, x: Tensor) => layer === synapse && seen.push([...x.toArray()]),
      };
      const eye = Tensor.from([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], [4, 1, 4]);
      noGrad(() => network.forwardSequence(eye, context));
      // 3.2 and -3.2 steps are nearest to 4 and -4; 640 steps are clamped
      expect(seen).toEqual([[4 / 32, -4 / 32, 254 / 32, -256 / 32]]);
    });
  });
});

describe("a Block with a norm", () => {
  const normed = (norm: Layer, currentDecay = 1) =>
    Block(dense(), CubaLIFNode({ currentDecay, voltageDecay: 0.1, vThreshold: 0.25, scale: 64 }), norm);
  const meanOnly = () => MeanOnlyBatchNorm({ numFeatures: 3 });

  it("is made of synapse, current, norm and voltage, in JSON too", () => {
    const json = describeLayer(normed(meanOnly()));
    const block = layerFromDescription(JSON.parse(JSON.stringify(json)), layers);
    expect(describeLayer(block)).toEqual(json);
    expect([...block.children].map(([name, { kind }]) => `${name}: ${kind}`)).toEqual([
      "synapse: Linear",
      "current: CubaCurrent",
      "norm: MeanOnlyBatchNorm",
      "neuron: CubaVoltage",
    ]);
    withNetwork(block, [4], (network) => {
      expect([...network.stateDict().keys()]).toEqual(["synapse.weight", "norm.running_mean"]);
    });
    expect(errorOf(() => normed(BatchNorm2d({ numFeatures: 3 }))).code).toBe("OPTION");
  });

  it("fires as one without, as long as the mean is 0", () => {
    const sequence = uniform([6, 2, 4], new RandomStream(3));
    const run = (root: Layer) =>
      withNetwork(root, [4], (network) => {
        const context = { training: false, random: new RandomStream(0) };
        return [...noGrad(() => network.forwardSequence(sequence, context).toArray())];
      });
    const plain = run(Block(dense(), CubaLIFNode({ currentDecay: 0.5, voltageDecay: 0.1, vThreshold: 0.25 })));
    expect(plain).toContain(1);
    expect(run(normed(meanOnly(), 0.5))).toEqual(plain);
    sequence.dispose();
  });

  const lowered = (block: Layer, means: number[], variance?: number) =>
    withNetwork(block, [4], (network) => {
      const norm = network.layer("norm");
      norm.setTensor("running_mean", Tensor.from(means, [3]));
      if (variance !== undefined) norm.setTensor("running_var", Tensor.from([variance], [1]));
      return network.lower().nodes.slice(1, 3);
    });

  it("lowers its mean to a bias of the neuron: one, or one for each channel", () => {
    const [, common] = lowered(normed(meanOnly(), 0.5), [0.26, 0.25, 0.24]);
    expect(common).toMatchObject({ kind: "neuron", neuron: "CubaLIFNode", source: "neuron", options: { bias: -0.25 } });
    expect(common).toMatchObject({ options: { currentDecay: 0.5, voltageDecay: 0.1, scale: 64 } });
    const [synapse, neuron] = lowered(normed(meanOnly(), 0.5), [0.25, -1, 0]);
    expect(synapse).toMatchObject({ kind: "linear", bias: null });
    expect(neuron).toMatchObject({
      options: { bias: 0 },
      channelBias: { shape: [3], data: Float32Array.of(-0.25, 1, 0) },
    });
  });

  it("that divides by 1 is exact; any other divisor is refused behind a leak, since Lava's loader ignores it", () => {
    const divided = () => normed(WgtScaleBatchNorm({ numFeatures: 3 }));
    expect(lowered(divided(), [0, 0, 0], 0.9)[1]).toMatchObject({ options: { bias: 0 } });
    const message = refusal(() => lowered(divided(), [0, 0, 0], 10), 'WgtScaleBatchNorm "norm"');
    expect(message).toContain("expected a divisor of 1 (2^0), got 2^2. Lava's loader ignores the exponent");
  });

  describe("that divides, without a leak,", () => {
    const divided = (vThreshold: number, weight: number, means: number[], variance: number) => {
      const neuron = CubaLIFNode({ currentDecay: 1, voltageDecay: 0, vThreshold, scale: 64 });
      return withNetwork(Block(dense(), neuron, WgtScaleBatchNorm({ numFeatures: 3 })), [4], (network) => {
        network.layer("synapse").setTensor("weight", Tensor.full([3, 4], weight));
        network.layer("norm").setTensor("running_mean", Tensor.from(means, [3]));
        network.layer("norm").setTensor("running_var", Tensor.from([variance], [1]));
        return network.lower().nodes.slice(1, 3);
      });
    };

    it("is a higher or a lower threshold", () => {
      const [, raised] = divided(0.25, 0.5, [0, 0, 0], 10);
      expect(raised).toMatchObject({ options: { vThreshold: 1 } });
      expect(raised).toMatchObject({
        notes: ["norm's divisor 2^2 moved into the threshold, 16 to 64 weight steps: exact"],
      });
      expect(divided(0.25, 0.5, [0, 0, 0], 0.2)[1]).toMatchObject({ options: { vThreshold: 0.125 } });
    });

    it("is larger weights and biases where half the threshold is no whole number of steps", () => {
      const [synapse, neuron] = divided(17 / 64, 0.5, [0.25, 0, 0], 0.2);
      expect(synapse).toMatchObject({ weight: { data: new Float32Array(12).fill(1) } });
      expect(neuron).toMatchObject({
        options: { vThreshold: 17 / 64 },
        channelBias: { data: Float32Array.of(-0.5, 0, 0) },
      });
      const message = refusal(() => divided(17 / 64, 3, [0, 0, 0], 0.2), 'WgtScaleBatchNorm "norm"');
      expect(message).toContain("Neither the threshold nor the weights hold it");
    });
  });

  it("lowers learned decays with their learned values", () => {
    const learned = CubaLIFNode({ currentDecay: 0.5, voltageDecay: 0.25, requiresGrad: true });
    withNetwork(Block(dense(), learned, meanOnly()), [4], (network) => {
      expect([...network.parameters().keys()]).toEqual([
        "synapse.weight",
        "current.current_decay",
        "neuron.voltage_decay",
      ]);
      network.layer("neuron").setTensor("voltage_decay", Tensor.full([], 512));
      const options = { currentDecay: 0.5, voltageDecay: 0.125, requiresGrad: false };
      expect(network.lower().nodes[2]).toMatchObject({ neuron: "CubaLIFNode", options });
    });
  });
});

describe("a Block of a convolution", () => {
  it("lowers to the weights it computes with, in training units", () => {
    const conv = Conv2d({ inChannels: 1, outChannels: 2, kernelSize: 1, bias: false });
    withNetwork(Block(conv, IFNode({ vThreshold: 0.5 })), [1, 2, 2], (network) => {
      conv.setTensor("weight", Tensor.from([0.011, -0.6], [2, 1, 1, 1]));
      const [, synapse, neuron] = network.lower().nodes;
      expect(synapse).toMatchObject({ kind: "conv", source: "synapse", bias: null });
      expect(synapse).toMatchObject({ weight: { data: Float32Array.of(0, -0.59375) } });
      expect(neuron).toMatchObject({ neuron: "CubaLIFNode", options: { vThreshold: 0.5, bias: 0 } });
    });
  });
});
