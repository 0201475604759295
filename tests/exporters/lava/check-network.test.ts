/** What `check` says of a network before it is trained: rules on what preparing would make of it, the chip's capacity, and what samples do. */
import { describe, expect, it } from "vitest";
import {
  AvgPool2d,
  ConstantEncoder,
  Conv2d,
  CubaLIFNode,
  createNetwork,
  Flatten,
  IFNode,
  KLIFNode,
  type Layer,
  Linear,
  PoissonEncoder,
  SEWBlock,
  Sequential,
} from "../../../src/model/index.ts";
import { Block, WgtScaleBatchNorm } from "../../../src/quantize/index.ts";
import { Tensor } from "../../../src/tensor/index.ts";
import { target } from "./prepared-run.ts";

const linear = (inFeatures: number, outFeatures: number) => Linear({ inFeatures, outFeatures, bias: false });
const neuron = () => IFNode({ vReset: 0 });

function checked(
  inputShape: number[],
  layers: Layer[],
  options: { encoder?: ReturnType<typeof PoissonEncoder>; samples?: number[][] } = {},
) {
  const { encoder = PoissonEncoder(), samples } = options;
  const network = createNetwork({ inputShape, steps: 8, encoder, root: Sequential(layers) });
  try {
    return target.check(
      network,
      samples && { shape: [samples.length, ...inputShape], data: Float32Array.from(samples.flat()) },
    );
  } finally {
    network.dispose();
  }
}

describe("a network that was not prepared", () => {
  it("is judged as it will be, with a note for what preparing changes", () => {
    const findings = checked([4], [linear(4, 3), neuron()]);
    expect(findings.map(({ rule, severity, place }) => [rule, severity, place])).toEqual([
      ["loihi/firing-comparison", "note", "1"],
    ]);
  });

  const path = () =>
    Sequential([Conv2d({ inChannels: 2, outChannels: 2, kernelSize: 3, padding: 1, bias: false }), neuron()]);
  const normed = () => {
    const block = Block(
      linear(4, 2),
      CubaLIFNode({ currentDecay: 1, voltageDecay: 0.5 }),
      WgtScaleBatchNorm({ numFeatures: 2 }),
    );
    block.children.get("norm")!.setTensor("running_var", Tensor.from([9], [1]));
    return block;
  };
  it.each<[string, () => Layer[], string, RegExp]>([
    [
      "a residual addition",
      () => [SEWBlock({ path: path() })],
      "unsupported-layer",
      /nearest legal network is the path alone: Sequential \[Conv2d, IFNode\]/,
    ],
    [
      "a pool behind which nothing adds up",
      () => [AvgPool2d({ kernelSize: 2 })],
      "pool",
      /becomes part of the layer behind it/,
    ],
    [
      "a neuron that the chip does not have",
      () => [Flatten(), linear(32, 2), KLIFNode()],
      "unsupported-neuron",
      /knows no other spiking neuron/,
    ],
    [
      "a norm whose divisor has no place",
      () => [Flatten(), linear(32, 4), neuron(), normed()],
      "norm-exponent",
      /MeanOnlyBatchNorm/,
    ],
    [
      "spikes that carry the voltage",
      () => [Flatten(), Block(linear(32, 2), CubaLIFNode({ currentDecay: 1, voltageDecay: 0, gradedSpike: true }))],
      "message-width",
      /gradedSpike: false/,
    ],
    [
      "a norm inside the current's recurrence",
      () => {
        const neuron = CubaLIFNode({ currentDecay: 0.5, voltageDecay: 0, reference: "spikingjelly" });
        return [Flatten(), Block(linear(32, 2), neuron, WgtScaleBatchNorm({ numFeatures: 2 }))];
      },
      "norm-inside",
      /with the reference chip/,
    ],
  ])("is refused for %s, by its rule, with the way out", (_, layers, rule, way) => {
    const found = checked([2, 4, 4], layers());
    expect(found.map((finding) => finding.rule)).toEqual([`loihi/${rule}`]);
    expect(found[0]).toMatchObject({ severity: "error" });
    expect(found[0]!.rewrite).toMatch(way);
  });

  it("is refused for numbers as its input", () => {
    const [found] = checked([4], [linear(4, 3), neuron()], { encoder: ConstantEncoder() });
    expect(found).toMatchObject({ rule: "loihi/spike-input", severity: "error", place: "network input" });
    expect(found!.rewrite).toMatch(/InputBlock/);
  });
});

describe("what goes beyond the rules", () => {
  it("is the capacity of a chip, with the layer that needs most of it", () => {
    const large = checked(
      [1, 96, 96],
      [Conv2d({ inChannels: 1, outChannels: 32, kernelSize: 3, bias: false }), neuron()],
    );
    expect(large.find(({ rule }) => rule === "loihi/map-chips")).toMatchObject({
      severity: "warning",
      place: "0.neuron",
    });
  });

  it("is what samples do to the registers", () => {
    const samples = [new Array<number>(8).fill(1), new Array<number>(8).fill(0)];
    const quiet = checked([8], [linear(8, 3), neuron()], { samples });
    expect(quiet.at(-1)).toMatchObject({ rule: "loihi/observed-range", severity: "note" });
    const hot = Block(linear(8, 2), CubaLIFNode({ currentDecay: 0, voltageDecay: 0, vThreshold: 500, scale: 256 }));
    const network = createNetwork({ inputShape: [8], steps: 64, encoder: PoissonEncoder(), root: Sequential([hot]) });
    network.layer("0.synapse").setTensor(
      "weight",
      Tensor.from(
        new Float32Array(16).map((_, i) => (i < 8 ? -1 : 1 / 128)),
        [2, 8],
      ),
    );
    const found = target.check(network, { shape: [1, 8], data: new Float32Array(8).fill(1) });
    network.dispose();
    expect(found.map(({ rule }) => rule)).toContain("loihi/register-overflow");
    expect(found.find(({ rule }) => rule === "loihi/voltage-saturated")).toMatchObject({ place: "0.neuron" });
  });
});
