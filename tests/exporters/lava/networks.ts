/** A trained-like network that Loihi can hold, for tests of the whole way to the file. */
import {
  Conv2d,
  CubaLIFNode,
  createNetwork,
  Flatten,
  IFNode,
  LIFNode,
  Linear,
  type Network,
  PoissonEncoder,
  Sequential,
  SumPool2d,
} from "../../../src/model/index.ts";

export const STEPS = 11;

/** Convolutions with and without stride, a sum pool, flatten, dense layers; IF, LIF and CUBA neurons. */
export function makeNetwork(): Network {
  const convolution = (inChannels: number, outChannels: number, kernelSize: number, stride: number, padding: number) =>
    Conv2d({ inChannels, outChannels, kernelSize, stride, padding, bias: false });
  const root = Sequential({
    conv: Sequential({
      "0": convolution(2, 4, 3, 1, 1),
      "1": IFNode({ vThreshold: 0.4, vReset: 0 }),
      "2": SumPool2d({ kernelSize: 2 }),
      "3": LIFNode({ tau: 3, vThreshold: 0.9, vReset: 0, decayInput: false }),
      "4": convolution(4, 6, 2, 2, 0),
      "5": IFNode({ vThreshold: 0.4, vReset: 0 }),
    }),
    flatten: Flatten({}),
    fc: Sequential({
      "0": Linear({ inFeatures: 24, outFeatures: 12, bias: false }),
      "1": CubaLIFNode({ currentDecay: 0.3, voltageDecay: 0.1, vThreshold: 0.3, scale: 64 }),
      "2": Linear({ inFeatures: 12, outFeatures: 5, bias: false }),
      "3": IFNode({ vThreshold: 0.3, vReset: 0 }),
    }),
  });
  return createNetwork({ inputShape: [2, 8, 8], steps: STEPS, encoder: PoissonEncoder(), root }, 3);
}
