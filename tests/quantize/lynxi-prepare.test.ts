/** The Lynxi twin of a network: every number a float16, batch norms folded or not, names and structure kept. */

import { join } from "node:path";
import { f16round } from "@petamoriken/float16";
import { describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import { layers } from "../../src/layers.ts";
import {
  type Layer,
  loadCheckpoint,
  type Network,
  networkFromDescription,
  resetNet,
  saveCheckpoint,
} from "../../src/model/index.ts";
import { float32Twin, isPreparedForLynxi, prepareForLynxi } from "../../src/quantize/index.ts";
import { backward, mul, noGrad, scope, sum, type Tensor, uniform } from "../../src/tensor/index.ts";
import { errorOf, temporaryFolder } from "../error-of.ts";
import { smallDescription, smallNetwork } from "../model/small-network.ts";

const folder = temporaryFolder();
const images = () => uniform([3, 1, 8, 8], new RandomStream(7));
const kindsOf = (network: Network) => network.layers().map(({ path, kind }) => `${path}: ${kind}`);
const numbersOf = (network: Network) => [...network.stateDict()].map(([name, tensor]) => [name, [...tensor.toArray()]]);
const predict = (network: Network) => scope(() => [...network.predict(images(), new RandomStream(2)).toArray()]);

function prepared<R>(network: Network, fold: boolean, body: (twin: Network) => R): R {
  const twin = prepareForLynxi(network, { options: { foldBatchNorm: fold } });
  try {
    return body(twin);
  } finally {
    twin.dispose();
    network.dispose();
  }
}

/** A network whose batch norm has seen data, so that folding does something. */
function trainedNetwork(encoder = "PoissonEncoder"): Network {
  const network = smallNetwork(4, encoder);
  scope(() => {
    noGrad(() => network.forward(images(), { training: true, random: new RandomStream(1) }));
    resetNet(network);
  });
  return network;
}

describe("prepareForLynxi", () => {
  it("folds batch norms into convolutions and keeps all other names", () => {
    const network = trainedNetwork();
    const original = kindsOf(network).slice(1);
    prepared(network, true, (twin) => {
      expect(kindsOf(twin)).toEqual([
        ": Float16Sequential",
        ...original.filter((line) => !line.includes("BatchNorm2d")),
      ]);
      expect([isPreparedForLynxi(twin), isPreparedForLynxi(network)]).toEqual([true, false]);
      expect([...twin.parameters().keys()]).toEqual([
        "features.0.weight",
        "features.0.bias",
        "head.weight",
        "head.bias",
      ]);
    });
  });

  it("leaves batch norms where they are when it shall", () => {
    const network = trainedNetwork();
    const original = kindsOf(network).slice(1);
    prepared(network, false, (twin) => expect(kindsOf(twin)).toEqual([": Float16Sequential", ...original]));
  });

  it("makes a network of any layer, and leaves the original alone", () => {
    const linear = { kind: "Linear", inFeatures: 3, outFeatures: 2 };
    const network = networkFromDescription({ inputShape: [3], steps: 2, root: linear }, layers);
    prepared(network, true, (twin) => {
      expect(kindsOf(twin)).toEqual([": Float16Sequential", "0: Linear"]);
      expect(twin.layer("0").tensor("weight")).not.toBe(network.root.tensor("weight"));
    });
  });

  it("of a prepared network is the same again, and so is one from a checkpoint", () => {
    prepared(trainedNetwork(), true, (twin) => {
      const again = prepareForLynxi(twin);
      const path = join(folder, "prepared.safetensors");
      saveCheckpoint(path, twin);
      const { network: loaded } = loadCheckpoint(path, layers);
      for (const copy of [again, loaded]) {
        expect(copy.describe()).toEqual(twin.describe());
        expect(numbersOf(copy)).toEqual(numbersOf(twin));
        expect(predict(copy)).toEqual(predict(twin));
        copy.dispose();
      }
    });
  });

  it("refuses neurons whose arithmetic is another chip's, and unknown options", () => {
    const block = {
      kind: "Block",
      synapse: { kind: "Linear", inFeatures: 3, outFeatures: 2, bias: false },
      neuron: { kind: "IFNode" },
    };
    const network = networkFromDescription({ inputShape: [3], steps: 2, root: block }, layers);
    const { code, message } = errorOf(() => prepareForLynxi(network));
    expect(code).toBe("TARGET");
    expect(message).toContain(
      'Lynxi, CubaLIFNode "neuron": expected a neuron with a float16 reading, such as IFNode or LIFNode, got CubaLIFNode',
    );
    const unknown = errorOf(() => prepareForLynxi(network, { options: { foldBatchNorms: true } }));
    expect(unknown.message).toContain('Did you mean "foldBatchNorm"?');
    network.dispose();
  });
});

describe("a prepared network computes in float16", () => {
  const description = smallDescription(8, "ConstantEncoder");
  const members = description.root.layers.features.layers;
  const withAverage = {
    ...description.root.layers,
    features: { kind: "Sequential", layers: [...members.slice(0, 3), { kind: "AvgPool2d", kernelSize: 2 }] },
    dropout: { kind: "Dropout", p: 0.3 },
    spikes: { kind: "ParametricLIFNode", vReset: -0.1, vThreshold: 0.3 },
  };

  it.each([
    ["evaluation", true, false],
    ["evaluation with batch norms", false, false],
    ["training", true, true],
    ["training with batch norms", false, true],
  ])("in %s: what every layer gives, and what every neuron keeps, is one", (_, fold, training) => {
    const root = { kind: "Sequential", layers: withAverage };
    prepared(networkFromDescription({ ...description, root }, layers, 2), fold, (twin) => {
      const checked: string[] = [];
      const expectHalf = (x: Tensor, what: string) => {
        const numbers = x.toArray() as Float32Array;
        expect(
          numbers.find((value) => f16round(value) !== value),
          what,
        ).toBeUndefined();
      };
      scope(() => {
        const observe = (layer: Layer, output: Tensor) => {
          checked.push(layer.path);
          expectHalf(output, `output of ${layer.label}`);
        };
        noGrad(() => twin.forward(images(), { training, random: new RandomStream(3), observe }));
        const neurons = twin.layers().filter(({ kind }) => kind.endsWith("Node"));
        for (const neuron of neurons) expectHalf(neuron.state.get("v")!, `potential of ${neuron.label}`);
        expect(neurons).toHaveLength(2);
      });
      expect(checked).toHaveLength(twin.layers().length);
    });
  });

  it("and learns through the rounding", () => {
    prepared(trainedNetwork(), true, (twin) => {
      scope(() => {
        const rates = twin.forward(images(), { training: true, random: new RandomStream(1) });
        backward(sum(mul(rates, uniform(rates.shape, new RandomStream(5)))));
      });
      for (const [name, tensor] of twin.parameters()) {
        expect(
          tensor.grad?.toArray().some((value) => value !== 0),
          name,
        ).toBe(true);
      }
    });
  });
});

describe("the float32 twin", () => {
  it.each([true, false])(
    "has the prepared network's parameters as float16 and nothing else rounded (folded: %s)",
    (fold) => {
      prepared(trainedNetwork("ConstantEncoder"), fold, (half) => {
        const twin = float32Twin(half);
        expect(kindsOf(twin)).toEqual([": Sequential", ...kindsOf(half).slice(1)]);
        const [rounded, source] = [twin.stateDict(), half.stateDict()];
        for (const [name, tensor] of source) {
          const expected = [...(tensor.toArray() as Float32Array)].map((value) => f16round(value));
          expect([...rounded.get(name)!.toArray()], name).toEqual(expected);
        }
        let exact = true;
        scope(() => {
          const observe = (_: Layer, output: Tensor) => {
            exact &&= (output.toArray() as Float32Array).every((value) => f16round(value) === value);
          };
          noGrad(() => twin.forward(images(), { training: false, random: new RandomStream(3), observe }));
        });
        expect(exact).toBe(false);
        twin.dispose();
      });
    },
  );
});
