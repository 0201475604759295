/** Networks: made from JSON and code, running, keeping and forgetting state. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import { layers } from "../../src/layers.ts";
import {
  ConstantEncoder,
  Conv2d,
  cloneNetwork,
  createNetwork,
  Dropout,
  IFNode,
  Linear,
  type Network,
  networkFromDescription,
  resetNet,
  Sequential,
  setStepMode,
} from "../../src/model/index.ts";
import { noGrad, scope, Tensor, uniform } from "../../src/tensor/index.ts";
import { errorOf } from "../error-of.ts";
import { smallDescription, smallNetwork } from "./small-network.ts";

const images = (count = 3, seed = 7) => uniform([count, 1, 8, 8], new RandomStream(seed));
const evaluation = (seed = 1) => ({ training: false, random: new RandomStream(seed) });
const broken = (change: (description: ReturnType<typeof smallDescription>) => object) =>
  errorOf(() => networkFromDescription(change(smallDescription()), layers));

describe("a network's JSON", () => {
  it("describes the network that was made from it", () => {
    const network = smallNetwork();
    const json: unknown = JSON.parse(JSON.stringify(network.describe()));
    const again = networkFromDescription(json, layers);
    expect(again.describe()).toEqual(network.describe());
    expect([...again.stateDict()].map(([name, { shape }]) => [name, shape])).toEqual(
      [...network.stateDict()].map(([name, { shape }]) => [name, shape]),
    );
    network.dispose();
    again.dispose();
  });

  it("gives the same initial parameters for the same seed only", () => {
    const [a, b, c] = [smallNetwork(1), smallNetwork(1), smallNetwork(2)];
    const weight = (network: Network) => [...network.parameters().get("features.0.weight")!.toArray()];
    expect(weight(a)).toEqual(weight(b));
    expect(weight(a)).not.toEqual(weight(c));
    for (const network of [a, b, c]) network.dispose();
  });

  it("is refused with the field, its place and the nearest name", () => {
    expect(broken((d) => ({ ...d, step: 3 })).message).toContain(
      "network: expected only inputShape, steps, encoder, root",
    );
    expect(broken((d) => ({ ...d, steps: 0 })).message).toContain("network: steps");
    expect(broken((d) => ({ ...d, inputShape: [] })).message).toContain("network: inputShape");
    const encoder = broken((d) => ({ ...d, encoder: { kind: "PoisonEncoder" } }));
    expect(encoder.message).toContain("network.encoder: expected one of ConstantEncoder");
    expect(encoder.message).toContain('Did you mean "PoissonEncoder"?');
    const option = broken((d) => ({ ...d, encoder: { kind: "LatencyEncoder", functoin: "log" } }));
    expect(option.message).toContain('got "functoin". Did you mean "function"?');
    const layer = broken((d) => ({ ...d, root: { kind: "Sequential", layers: [{ kind: "Conv2", bias: true }] } }));
    expect(layer.message).toMatch(/^network\.root\.0: expected one of .* Did you mean "Conv2d"\?$/);
  });
});

describe("shapes", () => {
  it("are checked before anything runs; the message names the layer and the sizes", () => {
    const layersOf = (inChannels: number) =>
      Sequential({
        conv_fc: Sequential([
          Conv2d({ inChannels: 1, outChannels: 3, kernelSize: 3 }),
          IFNode(),
          Conv2d({ inChannels, outChannels: 2, kernelSize: 3 }),
        ]),
      });
    const make = (inChannels: number) =>
      createNetwork({ inputShape: [1, 8, 8], steps: 2, encoder: ConstantEncoder(), root: layersOf(inChannels) });
    const { code, message } = errorOf(() => make(128));
    expect(code).toBe("SHAPE");
    expect(message).toBe(
      'Conv2d "conv_fc.2": expected input with 128 channels, got 3 (input [3,6,6]). Check the layer before it.',
    );
    const fitting = make(3);
    expect(fitting.outputShape()).toEqual([2, 4, 4]);
    fitting.dispose();
  });

  it("of the input must be those of a sample", () => {
    const network = smallNetwork();
    scope(() => {
      const flat = Tensor.zeros([2, 64]);
      const { code, message } = errorOf(() => network.predict(flat, new RandomStream(0)));
      expect(code).toBe("SHAPE");
      expect(message).toBe("network input: expected [N,1,8,8], got [2,64]. inputShape is the shape of one sample.");
      const turned = errorOf(() => network.forwardSequence(Tensor.zeros([4, 2, 8, 1, 8]), evaluation()));
      expect(turned.message).toContain("expected [T,N,1,8,8], got [4,2,8,1,8]");
    });
    network.dispose();
  });

  it("name a Linear without a Flatten before it", () => {
    const root = Sequential([Linear({ inFeatures: 64, outFeatures: 2 })]);
    const parts = { inputShape: [1, 8, 8], steps: 1, encoder: ConstantEncoder(), root };
    expect(errorOf(() => createNetwork(parts)).message).toBe(
      'Linear "0": expected input [64], got [1,8,8]. Put a Flatten before it.',
    );
  });
});

describe("a network", () => {
  let network: Network;
  beforeAll(() => {
    network = smallNetwork(3);
  });
  afterAll(() => network.dispose());

  it("finds its layers by path and counts its parameters", () => {
    expect(network.layer("features.2").kind).toBe("IFNode");
    expect(errorOf(() => network.layer("features.9")).code).toBe("OPTION");
    expect(network.parameterCount()).toBe(3 * 9 + 3 + 3 + 48 * 10 + 10);
    expect([...network.parameters().keys()]).toEqual([
      "features.0.weight",
      "features.1.weight",
      "features.1.bias",
      "head.weight",
      "head.bias",
    ]);
  });

  it("refuses a layer object that stands in two places", () => {
    const twice = IFNode();
    const parts = { inputShape: [4], steps: 1, encoder: ConstantEncoder(), root: Sequential([twice, twice]) };
    expect(errorOf(() => createNetwork(parts)).message).toContain("the same object twice");
  });

  it("carries its state from call to call, and forgets it on reset", () => {
    scope(() => {
      const sequence = noGrad(() => network.encode(images(), new RandomStream(4)));
      const run = () => [...noGrad(() => network.forwardSequence(sequence, evaluation()).toArray())];
      const fresh = run();
      const carried = run();
      expect(carried).not.toEqual(fresh);
      expect(network.layers().some(({ state }) => state.size > 0)).toBe(true);
      resetNet(network);
      expect(network.layers().every(({ state }) => state.size === 0)).toBe(true);
      expect(run()).toEqual(fresh);
      resetNet(network);
    });
  });

  it("predicts from a fresh state and leaves none", () => {
    scope(() => {
      const predict = () => [...network.predict(images(), new RandomStream(9)).toArray()];
      const first = predict();
      noGrad(() => network.forward(images(), evaluation()));
      expect(predict()).toEqual(first);
      expect(network.layers().every(({ state }) => state.size === 0)).toBe(true);
      expect(first.some((rate) => rate > 0)).toBe(true);
    });
  });

  it("gives the same spikes in single steps as for a sequence", () => {
    scope(() => {
      const sequence = noGrad(() => network.encode(images(), new RandomStream(4)));
      const whole = [...noGrad(() => network.forwardSequence(sequence, evaluation()).toArray())];
      resetNet(network);
      setStepMode(network, "s");
      const data = sequence.toArray() as Float32Array;
      const size = data.length / network.steps;
      const steps = Array.from({ length: network.steps }, (_, t) => {
        const x = Tensor.from(data.slice(t * size, (t + 1) * size), [3, 1, 8, 8]);
        return [...noGrad(() => network.root.forward(x, evaluation()).toArray())];
      });
      setStepMode(network, "m");
      resetNet(network);
      expect(steps.flat()).toEqual(whole);
    });
  });

  it("answers with the mean of its output over time", () => {
    scope(() => {
      const sequence = noGrad(() => network.encode(images(), new RandomStream(9)));
      const output = noGrad(() => network.forwardSequence(sequence, evaluation()).toArray());
      resetNet(network);
      const rates = network.predict(images(), new RandomStream(9));
      expect(rates.shape).toEqual([3, 10]);
      const sums = new Array<number>(30).fill(0);
      output.forEach((spike, i) => {
        sums[i % 30]! += spike;
      });
      expect([...rates.toArray()]).toEqual(sums.map((sum) => sum / network.steps));
    });
  });

  it("answers with its input when no layer changes it", () => {
    const root = Sequential([Dropout()]);
    const plain = createNetwork({ inputShape: [2], steps: 3, encoder: ConstantEncoder(), root });
    scope(() => {
      expect([...plain.predict(Tensor.from([0.25, 0.5], [1, 2]), new RandomStream(0)).toArray()]).toEqual([0.25, 0.5]);
    });
    plain.dispose();
  });

  it("shows every layer's output to an observer, in order of execution", () => {
    const seen: string[] = [];
    scope(() => {
      const sequence = noGrad(() => network.encode(images(), new RandomStream(4)));
      const observe = ({ path }: { path: string }) => seen.push(path);
      noGrad(() => network.forwardSequence(sequence, { ...evaluation(), observe }));
    });
    resetNet(network);
    const inside = ["features.0", "features.1", "features.2", "features.3", "features"];
    expect(seen).toEqual([...inside, "flatten", "dropout", "head", "spikes", ""]);
  });

  it("can be cloned; the copy has tensors of its own", () => {
    const copy = cloneNetwork(network);
    expect(copy.describe()).toEqual(network.describe());
    scope(() => {
      const predict = (net: Network) => [...net.predict(images(), new RandomStream(9)).toArray()];
      const before = predict(network);
      expect(predict(copy)).toEqual(before);
      copy.layer("head").setTensor("bias", Tensor.full([10], 5));
      expect(predict(copy)).not.toEqual(before);
      expect(predict(network)).toEqual(before);
    });
    copy.dispose();
  });
});
