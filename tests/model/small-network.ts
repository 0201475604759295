/** A small network with everything that keeps state between calls or draws random numbers: for tests of networks and runs. */
import { layers } from "../../src/layers.ts";
import { type Network, networkFromDescription } from "../../src/model/index.ts";

const surrogate = { kind: "ATan", alpha: 2 };

/** Conv, batch norm, IF, pool, dropout, linear, LIF on images `[1, side, side]`. */
export function smallDescription(side = 8, encoder = "PoissonEncoder") {
  return {
    inputShape: [1, side, side],
    steps: 4,
    encoder: { kind: encoder },
    root: {
      kind: "Sequential",
      layers: {
        features: {
          kind: "Sequential",
          layers: [
            { kind: "Conv2d", inChannels: 1, outChannels: 3, kernelSize: 3, padding: 1, bias: false },
            { kind: "BatchNorm2d", numFeatures: 3 },
            { kind: "IFNode", surrogate, vThreshold: 0.6 },
            { kind: "MaxPool2d", kernelSize: 2 },
          ],
        },
        flatten: { kind: "Flatten" },
        dropout: { kind: "Dropout", p: 0.2 },
        head: { kind: "Linear", inFeatures: (3 * side * side) / 4, outFeatures: 10 },
        spikes: { kind: "LIFNode", tau: 2, decayInput: false, vThreshold: 0.4, surrogate },
      },
    },
  };
}

export const smallNetwork = (seed = 0, encoder?: string): Network =>
  networkFromDescription(smallDescription(8, encoder), layers, seed);
