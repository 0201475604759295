/** Blocks from training as layers of a `.net` file: what was prepared is what the file, read back, computes, in every layer at every step. */
import { describe, expect, it } from "vitest";
import { readNet } from "../../../src/exporters/lava/read.ts";
import {
  AvgPool2d,
  Flatten,
  IFNode,
  type Layer,
  LIFNode,
  MaxPool2d,
  type Network,
  SumPool2d,
} from "../../../src/model/index.ts";
import { AxonalDelay, Block, MeanOnlyBatchNorm, RecurrentBlock } from "../../../src/quantize/index.ts";
import { temporaryFolder } from "../../error-of.ts";
import { conv, cuba, expectEqual, linear, networkOf, set } from "./block-networks.ts";
import { target } from "./prepared-run.ts";

const folder = temporaryFolder();
/** Types of the layers that were written. */
const equal = (network: Network, name: string) => expectEqual(network, `${folder}/${name}`);

const recurrent = (inputs: number, outputs: number, neuron = cuba()) =>
  RecurrentBlock({ synapse: linear(inputs, outputs), recurrent: linear(outputs, outputs), neuron });

describe("a recurrent block", () => {
  it("becomes a recurrent layer", async () => {
    const network = networkOf([6], [recurrent(6, 5), Block(linear(5, 4), cuba())]);
    expect(await equal(network, "recurrent")).toEqual(["input", "dense_rec", "dense"]);
  });

  it("stands behind others and takes up a pool before it", async () => {
    const network = networkOf(
      [1, 6, 6],
      [Block(conv(1, 2), cuba()), SumPool2d({ kernelSize: 2 }), Flatten(), recurrent(8, 5)],
    );
    expect(await equal(network, "recurrent-pool")).toEqual(["input", "conv", "flatten", "dense_rec"]);
  });

  it("is refused with a delay before it, and with a bias that makes it fire before the first frame", () => {
    const delayed = networkOf(
      [4],
      [Block(linear(4, 4), cuba()), AxonalDelay({ channels: 4, initial: 2 }), recurrent(4, 3)],
    );
    expect(() => target.check(delayed)).not.toThrow();
    expect(target.check(delayed).map(({ rule }) => rule)).toContain("loihi/recurrent-delay");
    const early = networkOf([4], [recurrent(4, 3, cuba({ bias: 0.5 }))]);
    expect(target.check(early).map(({ rule }) => rule)).toContain("loihi/early-spikes");
    const quiet = networkOf([4], [recurrent(4, 3, cuba({ bias: 0.125 }))]);
    expect(target.check(quiet).filter(({ severity }) => severity === "error")).toEqual([]);
    for (const network of [delayed, early, quiet]) network.dispose();
  });
});

describe("an axonal delay", () => {
  it("becomes delays of the inputs of the matrix behind it", async () => {
    const network = networkOf(
      [6],
      [Block(linear(6, 5), cuba()), AxonalDelay({ channels: 5 }), Block(linear(5, 4), cuba())],
    );
    const types = await equal(set(network, "1", "delay", [0, 3.7, 1, 9, 2]), "delay");
    expect(types).toEqual(["input", "dense", "dense"]);
    const { layers } = await readNet(`${folder}/delay/network.net`);
    expect(layers[2]).toMatchObject({ delay: { shape: [5], data: Float64Array.of(0, 3, 1, 9, 2) } });
  });

  it("becomes a matrix where the loader would take a list for delays of the outputs", async () => {
    const network = networkOf(
      [6],
      [Block(linear(6, 4), cuba()), AxonalDelay({ channels: 4 }), Block(linear(4, 4), cuba())],
    );
    await equal(set(network, "1", "delay", [0, 3, 1, 9]), "square");
    const { layers } = await readNet(`${folder}/square/network.net`);
    expect(layers[2]).toMatchObject({ delay: { shape: [4, 4] } });
  });

  it("of an image counts for every pixel behind the flatten", async () => {
    const network = networkOf(
      [1, 5, 5],
      [Block(conv(1, 2), cuba()), AxonalDelay({ channels: 2 }), Flatten(), Block(linear(18, 4), cuba())],
    );
    await equal(set(network, "1", "delay", [4, 1]), "image");
  });

  it("behind the last layer becomes delays of its own inputs, beside those of the layer before", async () => {
    const last = () => [
      Block(linear(6, 4), cuba()),
      AxonalDelay({ channels: 4 }),
      Block(linear(4, 3), cuba()),
      AxonalDelay({ channels: 3 }),
    ];
    const network = set(networkOf([6], last()), "1", "delay", [0, 3, 1, 9]);
    await equal(set(network, "3", "delay", [2, 0, 7]), "both");
    const { layers } = await readNet(`${folder}/both/network.net`);
    expect(layers[2]).toMatchObject({
      delay: { shape: [3, 4], data: Float64Array.of(2, 5, 3, 11, 0, 3, 1, 9, 7, 10, 8, 16) },
    });
    await equal(set(networkOf([6], last().slice(0, 2)), "1", "delay", [5, 0, 1, 12]), "own");
    expect((await readNet(`${folder}/own/network.net`)).layers[1]).toMatchObject({ delay: { shape: [4] } });
  });

  it("behind the last layer is refused with biases there", () => {
    const biased = networkOf(
      [4],
      [Block(linear(4, 3), cuba({ bias: 0.0625 })), AxonalDelay({ channels: 3, initial: 1 })],
    );
    expect(target.check(biased).map(({ rule }) => rule)).toContain("loihi/output-delay");
    biased.dispose();
  });

  it("is refused before a convolution, and behind a biased layer that fires before the first frame", () => {
    const before = networkOf(
      [1, 6, 6],
      [Block(conv(1, 2), cuba()), AxonalDelay({ channels: 2, initial: 1 }), Block(conv(2, 2), cuba())],
    );
    expect(target.check(before).map(({ rule }) => rule)).toContain("loihi/conv-delay");
    const biased = networkOf(
      [4],
      [Block(linear(4, 4), cuba({ bias: 0.5 })), AxonalDelay({ channels: 4, initial: 1 }), Block(linear(4, 3), cuba())],
    );
    expect(target.check(biased).map(({ rule }) => rule)).toContain("loihi/early-spikes");
    for (const network of [before, biased]) network.dispose();
  });
});

describe("decays learned by channel", () => {
  it("are lists in the file, for matrices and convolutions", async () => {
    const learned = (channels: number) => cuba({ requiresGrad: true, channels, currentDecay: 0.4 });
    const network = networkOf([1, 5, 5], [Block(conv(1, 2), learned(2)), Flatten(), Block(linear(18, 3), learned(3))]);
    set(network, "0.neuron", "current_decay", [4096, 1000.4]);
    set(network, "2.neuron", "voltage_decay", [0, 17, 600]);
    await equal(network, "channels");
    const { layers } = await readNet(`${folder}/channels/network.net`);
    expect(layers[1]).toMatchObject({ neuron: { iDecay: { data: Float64Array.of(4096, 1000) } } });
    expect(layers[3]).toMatchObject({ neuron: { vDecay: { data: Float64Array.of(0, 17, 600) } } });
  });
});

describe("pools from training", () => {
  const prepared = (layers: Layer[]) => {
    const trained = networkOf([1, 8, 8], layers);
    const network = target.prepare(trained, { options: { scale: 64 } });
    trained.dispose();
    return network;
  };
  const leaky = () => LIFNode({ tau: 3, vThreshold: 0.2, vReset: 0, decayInput: false });

  it("over spikes become an OR of their own where they take the maximum", async () => {
    const network = prepared([conv(1, 3), leaky(), MaxPool2d({ kernelSize: 2 }), Flatten(), linear(27, 4), leaky()]);
    expect(await equal(network, "maximum")).toEqual(["input", "conv", "conv", "flatten", "dense"]);
  });

  it("merge into the convolution, the matrix or the neuron behind them", async () => {
    const mean = AvgPool2d({ kernelSize: 2 });
    const network = prepared([
      conv(1, 3),
      leaky(),
      mean,
      Flatten(),
      linear(27, 8),
      leaky(),
      linear(8, 3),
      IFNode({ vThreshold: 0.1, vReset: 0 }),
    ]);
    expect(await equal(network, "mean")).toEqual(["input", "conv", "flatten", "dense", "dense"]);
    const sums = prepared([
      conv(1, 3),
      leaky(),
      SumPool2d({ kernelSize: 3 }),
      leaky(),
      Flatten(),
      linear(12, 3),
      leaky(),
    ]);
    expect(await equal(sums, "sum")).toEqual(["input", "conv", "conv", "flatten", "dense"]);
  });
});

describe("a norm inside a block", () => {
  it("becomes biases", async () => {
    const block = Block(linear(6, 5), cuba({ currentDecay: 0.5 }), MeanOnlyBatchNorm({ numFeatures: 5 }));
    const network = networkOf([6], [block, Block(linear(5, 4), cuba())]);
    await equal(set(network, "0.norm", "running_mean", [0.1, -0.2, 0, -0.05, 0.03]), "norm");
  });
});
