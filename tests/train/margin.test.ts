/** The penalty on potentials near the threshold: its value, its gradient, which layers it sees, and that training lowers it. */
import { describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import {
  ConstantEncoder,
  createNetwork,
  IFNode,
  Linear,
  type Network,
  resetNet,
  Sequential,
} from "../../src/model/index.ts";
import { backward, scope, Tensor } from "../../src/tensor/index.ts";
import { MarginLoss, marginSchema } from "../../src/train/margin.ts";

const STEPS = 2;

function twoLayers(): Network {
  const network = createNetwork({
    inputShape: [1],
    steps: STEPS,
    encoder: ConstantEncoder(),
    root: Sequential({
      a: Linear({ inFeatures: 1, outFeatures: 1, bias: false }),
      first: IFNode({ vThreshold: 2, vReset: null }),
      b: Linear({ inFeatures: 1, outFeatures: 1, bias: false }),
      last: IFNode(),
    }),
  });
  for (const [name, weight] of [
    ["a", 1.9],
    ["b", 0.9],
  ] as const) {
    const layer = network.layers().find(({ path }) => path === name)!;
    layer.setTensor("weight", Tensor.from(Float32Array.of(weight), [1, 1]));
  }
  return network;
}

/** Penalty, and the gradient of the last weight, of one sample with input 1. */
function penaltyOf(network: Network, config: Record<string, unknown>): { penalty: number; gradient: number } {
  const margin = new MarginLoss(marginSchema.parse(config), network);
  try {
    return scope(() => {
      const samples = Tensor.from(Float32Array.of(1), [1, 1]);
      network.forward(samples, { training: true, random: new RandomStream(1, 1), charged: margin.charged });
      const total = margin.addedTo(Tensor.from(Float32Array.of(0), []));
      const penalty = total.item();
      const weight = network.parameters().get("b.weight")!;
      backward(total);
      const gradient = weight.grad?.item() ?? 0;
      return { penalty, gradient };
    });
  } finally {
    for (const tensor of network.parameters().values()) tensor.grad?.dispose();
    resetNet(network);
  }
}

describe("the margin loss", () => {
  it("is the mean of 1 - distance / width over the potentials of the last layer, and pushes them away", () => {
    const network = twoLayers();
    // step 0: 1.9 does not fire, so the last layer has 0; step 1: 3.8 fires, 0.9 lies 0.1 below the threshold 1
    const { penalty, gradient } = penaltyOf(network, { width: 0.2, weight: 2 });
    expect(penalty).toBeCloseTo((2 * (1 - 0.1 / 0.2)) / STEPS, 5);
    // below the threshold a larger weight brings the potential closer
    expect(gradient).toBeCloseTo(2 / 0.2 / STEPS, 4);
    network.dispose();
  });

  it("measures the width in units of each layer's threshold, and sees all layers when asked", () => {
    const network = twoLayers();
    // first layer: 1.9 lies 0.1 below its threshold 2, 3.8 far above; width 0.1 * 2
    const { penalty } = penaltyOf(network, { layers: "all", width: 0.1, weight: 1 });
    const [first, last] = [(1 - 0.1 / 0.2) / STEPS, 0];
    expect(penalty).toBeCloseTo((first + last) / 2, 5);
    network.dispose();
  });

  it("costs nothing outside the margin", () => {
    const network = twoLayers();
    expect(penaltyOf(network, { width: 0.05 }).penalty).toBe(0);
    network.dispose();
  });
});
