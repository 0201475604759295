/** The Loihi twin of a network: pairs become blocks, scales come from data, and what cannot be mapped is refused with its reason. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import { layers } from "../../src/layers.ts";
import { loadCheckpoint, type Network, networkFromDescription, saveCheckpoint } from "../../src/model/index.ts";
import { type Calibration, DEFAULT_SCALE, isPreparedForLoihi, prepareForLoihi } from "../../src/quantize/index.ts";
import { backward, mul, noGrad, scope, sum, Tensor, uniform } from "../../src/tensor/index.ts";
import { errorOf, temporaryFolder } from "../error-of.ts";

const folder = temporaryFolder();

type Json = { kind: string; [option: string]: unknown };

const surrogate = { kind: "ATan", alpha: 2 };
const neuron: Json = { kind: "IFNode", vThreshold: 1, surrogate };
const conv: Json = { kind: "Conv2d", inChannels: 1, outChannels: 3, kernelSize: 3, padding: 1, bias: false };
const pool: Json = { kind: "SumPool2d", kernelSize: 2 };
const dense: Json = { kind: "Linear", inFeatures: 48, outFeatures: 10, bias: false };
const lif: Json = { kind: "LIFNode", tau: 4, decayInput: false, detachReset: true };

const make = (members: Json[] | Record<string, Json>, steps = 6, encoder = "PoissonEncoder"): Network =>
  networkFromDescription(
    { inputShape: [1, 8, 8], steps, encoder: { kind: encoder }, root: { kind: "Sequential", layers: members } },
    layers,
    4,
  );
const wholeNetwork = () =>
  make({
    features: { kind: "Sequential", layers: [conv, neuron, { kind: "Dropout", p: 0.1 }, pool, neuron] },
    flatten: { kind: "Flatten" },
    head: dense,
    spikes: lif,
  });

const images: Calibration = { shape: [8, 1, 8, 8], data: new Float32Array(8 * 64) };
images.data.forEach((_, i) => {
  images.data[i] = ((i * 7919) % 101) / 100;
});

/** Prepares, hands both networks to a body, and gives everything back. */
function prepared<R>(network: Network, options: Parameters<typeof prepareForLoihi>[1], body: (twin: Network) => R): R {
  const twin = prepareForLoihi(network, options);
  try {
    return body(twin);
  } finally {
    twin.dispose();
    network.dispose();
  }
}

const scalesOf = (network: Network) =>
  Object.fromEntries(
    network
      .layers()
      .flatMap(({ kind, path, options }) =>
        kind === "CubaLIFNode" ? [[path, (options as { scale: number }).scale]] : [],
      ),
  );

describe("prepareForLoihi", () => {
  it("makes blocks of synapses and neurons under the synapses' names, with tensors of its own", () => {
    const network = wholeNetwork();
    prepared(network, {}, (twin) => {
      const kinds = twin.layers().map(({ path, kind }) => `${path}: ${kind}`);
      expect(kinds.filter((line) => !/synapse|neuron/.test(line))).toEqual([
        ": Sequential",
        "features: Sequential",
        "features.0: Block",
        "features.2: Dropout",
        "features.3: Block",
        "flatten: Flatten",
        "head: Block",
      ]);
      expect(twin.layer("head.neuron").options).toMatchObject({ voltageDecay: 0.25, resetGradient: "detached" });
      expect(twin.layer("features.0.neuron").options).toMatchObject({
        voltageDecay: 0,
        surrogate,
      });
      expect(twin.layer("features.0.neuron").options).not.toHaveProperty("resetGradient");
      const [ours, theirs] = [twin.layer("head.synapse").tensor("weight"), network.layer("head").tensor("weight")];
      expect(ours).not.toBe(theirs);
      expect([...ours.toArray()]).toEqual([...theirs.toArray()]);
      expect([isPreparedForLoihi(twin), isPreparedForLoihi(network)]).toEqual([true, false]);
      expect([twin.steps, twin.inputShape, twin.encoder.kind]).toEqual([6, [1, 8, 8], "PoissonEncoder"]);
    });
  });

  it("gives a network that learns", () => {
    prepared(wholeNetwork(), {}, (twin) => {
      scope(() => {
        const rates = twin.forward(Tensor.from(images.data, images.shape), {
          training: true,
          random: new RandomStream(2),
        });
        backward(sum(mul(rates, uniform(rates.shape, new RandomStream(1)))));
      });
      for (const [name, tensor] of twin.parameters()) {
        expect(
          tensor.grad?.toArray().some((value) => value !== 0),
          name,
        ).toBe(true);
      }
    });
  });

  it("of a prepared network is the same again, whatever the options", () => {
    const network = wholeNetwork();
    prepared(network, { options: { scale: 128 } }, (twin) => {
      const again = prepareForLoihi(twin, { options: { scale: 512 }, calibration: images });
      expect(again.describe()).toEqual(twin.describe());
      const numbers = (net: Network) => [...net.stateDict()].map(([name, tensor]) => [name, [...tensor.toArray()]]);
      expect(numbers(again)).toEqual(numbers(twin));
      again.dispose();
    });
  });

  it("comes back from a checkpoint with its answers", () => {
    const path = join(folder, "prepared.safetensors");
    prepared(wholeNetwork(), { calibration: images }, (twin) => {
      saveCheckpoint(path, twin);
      const { network: loaded } = loadCheckpoint(path, layers);
      expect(loaded.describe()).toEqual(twin.describe());
      expect(isPreparedForLoihi(loaded)).toBe(true);
      scope(() => {
        const predict = (net: Network) => [
          ...net.predict(Tensor.from(images.data, images.shape), new RandomStream(2)).toArray(),
        ];
        expect(predict(loaded)).toEqual(predict(twin));
      });
      loaded.dispose();
    });
  });
});

describe("scales", () => {
  it("are Lava DL's default without data, and the given power of two for all; sum pools stay at 128 or below", () => {
    const names = ["features.0.neuron", "features.3.neuron", "head.neuron"];
    const all = (...scales: number[]) => Object.fromEntries(names.map((name, i) => [name, scales[i]]));
    prepared(wholeNetwork(), {}, (twin) =>
      expect(scalesOf(twin)).toEqual(all(DEFAULT_SCALE, DEFAULT_SCALE, DEFAULT_SCALE)),
    );
    prepared(wholeNetwork(), { options: { scale: 512 } }, (twin) => expect(scalesOf(twin)).toEqual(all(512, 128, 512)));
  });

  it("without data are finer by what a mean or a division of the input took from the weights", () => {
    const divided: Json = { ...lif, decayInput: true };
    const members = [conv, neuron, { kind: "AvgPool2d", kernelSize: 2 }, { kind: "Flatten" }, dense, divided];
    prepared(make(members), {}, (twin) => {
      expect(scalesOf(twin)).toEqual({ "0.neuron": DEFAULT_SCALE, "4.neuron": DEFAULT_SCALE * 4 * 4 });
    });
  });

  it("are powers of two from 16 to 4096", () => {
    const network = wholeNetwork();
    for (const scale of [100, 8, 8192]) {
      const { code, message } = errorOf(() => prepareForLoihi(network, { options: { scale } }));
      expect(code).toBe("OPTION");
      expect(message).toContain("no power of two from 16 to 4096");
    }
    const unknown = errorOf(() => prepareForLoihi(network, { options: { scael: 64 } }));
    expect(unknown.message).toContain('Did you mean "scale"?');
    network.dispose();
  });

  it("chosen from data change a synapse's output less than the default where weights are small", () => {
    const network = make([conv, neuron, { kind: "Flatten" }, { ...dense, inFeatures: 192 }, neuron]);
    const weights = network.layer("3").tensor("weight").toArray();
    network.layer("3").setTensor(
      "weight",
      Tensor.from(
        weights.map((weight) => weight / 4),
        [10, 192],
      ),
    );
    prepared(network, { calibration: images }, (twin) => {
      const scales = Object.values(scalesOf(twin));
      for (const scale of scales) expect(Number.isInteger(Math.log2(scale))).toBe(true);
      expect(scalesOf(twin)["3.neuron"]).toBeGreaterThan(DEFAULT_SCALE);
      const errorAt = (net: Network) => {
        const exact = network.layer("3").tensor("weight").toArray();
        const lowered = net.lower().nodes.find(({ source }) => source === "3.synapse");
        if (lowered?.kind !== "linear") throw new Error("no synapse");
        return lowered.weight.data.reduce((error, weight, i) => error + (weight - exact[i]!) ** 2, 0);
      };
      const byDefault = prepareForLoihi(network);
      expect(errorAt(twin)).toBeLessThan(errorAt(byDefault) / 4);
      byDefault.dispose();
    });
  });

  it("chosen from data leave the chip room for large weights, thresholds and voltages", () => {
    const scaleOf = (weight: number, { vThreshold = 1, steps = 6 } = {}) => {
      const network = make([{ kind: "Flatten" }, { ...dense, inFeatures: 64 }, { ...neuron, vThreshold }], steps);
      network.layer("1").setTensor("weight", Tensor.full([10, 64], weight));
      return prepared(network, { calibration: images }, (twin) => scalesOf(twin)["1.neuron"]!);
    };
    // 8 bits hold 254 steps: 3.97 is nearly that at a scale of 64, and would be cut in half at 128
    expect(scaleOf(3.97)).toBe(64);
    // the threshold has 17 bits: 5000 is 80,000 steps at a scale of 16, and beyond 131,071 at 32
    expect(scaleOf(0.113)).toBeGreaterThanOrEqual(512);
    expect(scaleOf(0.113, { vThreshold: 5000 })).toBe(16);
    // half of 64 inputs, 40 steps: about 145 units of voltage, at most 65,536 steps of it
    expect(scaleOf(0.113, { steps: 40 })).toBeLessThanOrEqual(256);
  });
});

describe("what Loihi cannot hold is refused by name", () => {
  const refused = (network: Network): string => {
    try {
      const { code, message } = errorOf(() => prepareForLoihi(network));
      expect(code).toBe("TARGET");
      return message;
    } finally {
      network.dispose();
    }
  };

  it("inputs that are not spikes", () => {
    expect(refused(make([{ kind: "Flatten" }, { ...dense, inFeatures: 64 }, neuron], 6, "ConstantEncoder"))).toContain(
      "Loihi, network input: expected an encoder that makes spikes (PoissonEncoder, LatencyEncoder), got ConstantEncoder.",
    );
  });

  const synapses: [string, Json[], string][] = [
    [
      "maxima of sums",
      [conv, { kind: "MaxPool2d", kernelSize: 2 }, neuron],
      "Put the neuron before the MaxPool2d: over spikes it is an OR, which the chip has.",
    ],
    [
      "maxima of counts",
      [pool, { kind: "MaxPool2d", kernelSize: 2 }, { ...conv, inChannels: 1 }, neuron],
      'Loihi, SumPool2d "0": expected a Conv2d, a Linear or a neuron behind it, got MaxPool2d "1"',
    ],
    [
      "two pools in a row",
      [conv, neuron, pool, pool, { kind: "Flatten" }, { ...dense, inFeatures: 12 }, neuron],
      "Use one pool whose window is that of both.",
    ],
    [
      "a pool behind the last neuron",
      [conv, neuron, pool],
      'Loihi, SumPool2d "2": expected a Conv2d, a Linear or a neuron behind it, got nothing',
    ],
    [
      "means with several divisors",
      [conv, neuron, { kind: "AvgPool2d", kernelSize: 2, padding: 1, countIncludePad: false }, neuron],
      "use countIncludePad: true",
    ],
    [
      "sizes that are rounded up",
      [conv, neuron, { kind: "AvgPool2d", kernelSize: 3, ceilMode: true }, neuron],
      "expected [2,2] places, got [3,3], rounded up",
    ],
    [
      "windows of several sizes",
      [conv, neuron, { kind: "AdaptiveAvgPool2d", outputSize: 3 }, neuron],
      "choose an outputSize that divides the input",
    ],
    [
      "a pool whose padding a convolution cannot have",
      [conv, { kind: "AvgPool2d", kernelSize: 2, padding: 1 }, neuron],
      "The padding between both windows is zeros; one window would see the image there.",
    ],
    [
      "batch norms without weights before them",
      [conv, neuron, { kind: "BatchNorm2d", numFeatures: 3 }, conv3(), neuron],
      'BatchNorm2d "2": expected a layer with weights before the batch norm of its shape, got none',
    ],
    [
      "batch norms that know nothing but the batch",
      [conv, { kind: "BatchNorm2d", numFeatures: 3, trackRunningStats: false }, neuron],
      'BatchNorm2d "1": expected running statistics, which fold into weights, got trackRunningStats false',
    ],
    [
      "biases before a current with memory",
      [
        { ...conv, bias: true },
        { kind: "CubaLIFNode", currentDecay: 0.5, voltageDecay: 0 },
      ],
      "The chip adds biases to the voltage, not to the current",
    ],
    [
      "residual sums, with the nearest legal network",
      [
        conv,
        neuron,
        { kind: "SEWBlock", path: { kind: "Sequential", layers: [{ ...conv3(), bias: false }, neuron] } },
        { kind: "Flatten" },
        { ...dense, inFeatures: 192 },
        neuron,
      ],
      'Loihi, SEWBlock "2": expected one chain of layers, got the sum of a path and its input. The format has no place for it. The nearest legal network is the path alone: Sequential [Conv2d, IFNode], trained anew.',
    ],
    [
      "transposed convolutions, with the nearest legal network",
      [conv, neuron, { kind: "ConvTranspose2d", inChannels: 3, outChannels: 2, kernelSize: 2 }, neuron],
      "The nearest legal network ends in features: Sequential [Flatten, Linear] with outChannels 2",
    ],
    [
      "votes",
      [{ kind: "Flatten" }, { ...dense, inFeatures: 64 }, neuron, { kind: "VotingLayer", votingSize: 2 }],
      "let the host average their rates",
    ],
  ];
  const neurons: [string, Json[], string][] = [
    ["soft resets", [conv, { ...neuron, vReset: null }], "got a soft reset (vReset null)"],
    ["other resets", [conv, { ...neuron, vReset: -0.1 }], "got vReset -0.1"],
    ["learned time constants", [conv, { kind: "ParametricLIFNode" }], "train with LIFNode and that tau"],
    [
      "synapses without a neuron",
      [conv, { kind: "Flatten" }],
      'Conv2d "0": expected an IFNode, LIFNode or CubaLIFNode right behind it, got Flatten "1"',
    ],
    [
      "a last layer without a neuron",
      [conv, neuron, conv3()],
      'Conv2d "2": expected an IFNode, LIFNode or CubaLIFNode right behind it, got nothing',
    ],
    ["neurons without a synapse", [neuron], 'Loihi, IFNode "0": expected a synapse right before the neuron, got none'],
  ];
  it.each([...synapses, ...neurons])("%s", (_, members, message) => {
    expect(refused(make(members))).toContain(message);
  });

  it("a network that is no sequence", () => {
    const network = networkFromDescription(
      { inputShape: [48], steps: 2, encoder: { kind: "PoissonEncoder" }, root: dense },
      layers,
    );
    expect(refused(network)).toContain("Loihi, Linear: expected a Sequential of layers as the network, got Linear");
  });
});

function conv3(): Json {
  return { ...conv, inChannels: 3, outChannels: 3 };
}

describe("a prepared network", () => {
  it("stays prepared only as long as all is in blocks", () => {
    const twin = noGrad(() => make([{ kind: "Block", synapse: conv, neuron }, pool]));
    expect(isPreparedForLoihi(twin)).toBe(false);
    twin.dispose();
    const empty = make([{ kind: "Flatten" }]);
    expect(isPreparedForLoihi(empty)).toBe(false);
    empty.dispose();
  });
});
