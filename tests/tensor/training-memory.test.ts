import { describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import {
  backward,
  batchNorm,
  conv2d,
  flatten,
  linear,
  maxPool,
  memoryStats,
  mse,
  noGrad,
  relu,
  scope,
  sgdStep,
  Tensor,
  uniform,
  zeroGrad,
} from "../../src/tensor/index.ts";

const SGD = { learningRate: 0.05, momentum: 0, dampening: 0, weightDecay: 0, nesterov: false, firstStep: false };
const STEPS = 1000;

/** A small network: conv, batch norm, relu, pool, linear. */
function smallNetwork() {
  const random = new RandomStream(1);
  const parameter = (...shape: number[]) => {
    const tensor = uniform(shape, random, { low: -0.5, high: 0.5 });
    const leaf = Tensor.from(tensor.toArray(), shape, { requiresGrad: true });
    tensor.dispose();
    return leaf;
  };
  const parameters = {
    kernel: parameter(4, 2, 3, 3),
    weight: parameter(4),
    bias: parameter(4),
    dense: parameter(3, 16),
  };
  const statistics = { runningMean: Tensor.zeros([4]), runningVar: Tensor.ones([4]) };
  const forward = (x: Tensor, training: boolean) => {
    const { kernel, weight, bias, dense } = parameters;
    const normed = batchNorm(conv2d(x, kernel, null, { padding: 1 }), { ...statistics, weight, bias, training });
    return linear(flatten(maxPool(relu(normed), { kernelSize: 2 }), 1), dense);
  };
  return { parameters: Object.values(parameters), statistics: Object.values(statistics), forward };
}

describe("memory of training", () => {
  it("stays flat over a thousand steps, and the loss falls", () => {
    const before = memoryStats().liveBuffers;
    const network = smallNetwork();
    const x = uniform([6, 2, 4, 4], new RandomStream(2));
    const target = uniform([6, 3], new RandomStream(3));
    const step = () =>
      scope(() => {
        const loss = mse(network.forward(x, true), target);
        backward(loss);
        for (const parameter of network.parameters) sgdStep(parameter, parameter.grad!, null, SGD);
        zeroGrad(network.parameters);
        return loss.item();
      });
    const first = step();
    const after = memoryStats();
    let last = first;
    for (let i = 1; i < STEPS; i++) last = step();
    const end = memoryStats();
    expect([end.liveBuffers, end.liveBytes]).toEqual([after.liveBuffers, after.liveBytes]);
    expect(end.liveBytes + end.cachedBytes).toBe(after.liveBytes + after.cachedBytes);
    expect(last).toBeLessThan(first / 4);
    for (const tensor of [...network.parameters, ...network.statistics, x, target]) tensor.dispose();
    expect(memoryStats().liveBuffers).toBe(before);
  });

  it("needs less memory without gradients, and leaves nothing behind", () => {
    const network = smallNetwork();
    const x = uniform([6, 2, 4, 4], new RandomStream(2));
    const before = memoryStats().liveBytes;
    // what is left when only the output is kept: with recording also what backward needs
    const heldBy = (run: () => Tensor) =>
      scope(() => {
        scope(run);
        return memoryStats().liveBytes - before;
      });
    const recorded = heldBy(() => network.forward(x, false));
    const plain = heldBy(() => noGrad(() => network.forward(x, false)));
    expect(plain).toBeGreaterThan(0);
    expect(recorded).toBeGreaterThan(plain);
    expect(memoryStats().liveBytes).toBe(before);
    for (const tensor of [...network.parameters, ...network.statistics, x]) tensor.dispose();
  });
});
