/**
 * Quantized training on a device: spikes are the CPU's in every bit, since sums of weights on the grid times spikes are exact in any order.
 * Gradients are sums of other numbers, in another order.
 */
import { afterEach, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import { core, devices } from "../../src/kernels/index.ts";
import {
  BatchNorm2d,
  Conv2d,
  CubaLIFNode,
  createNetwork,
  Flatten,
  IFNode,
  type Layer,
  LIFNode,
  Linear,
  MaxPool2d,
  type Network,
  PoissonEncoder,
  resetNet,
  Sequential,
  SumPool2d,
} from "../../src/model/index.ts";
import {
  Block,
  InputBlock,
  MeanOnlyBatchNorm,
  prepareForLynxi,
  RecurrentBlock,
  SigmaDelta,
  SigmaDeltaBlock,
  WgtScaleBatchNorm,
} from "../../src/quantize/index.ts";
import { backwardFrom, scope, Tensor, zeroGrad } from "../../src/tensor/index.ts";
import { randomNumbers } from "../tensor/gradient.ts";
import { expectClose } from "../tolerance.ts";
import { DEVICE, describeOnDevice, isEmulated } from "./device.ts";

const [STEPS, SAMPLES, SIDE] = [5, 3, 6];
/** Gradients of a weight are sums of up to a thousand products that are rounded in another order: relative to the largest. */
const OTHER_SUMS = 1e-5;

const conv = (inChannels: number, outChannels: number) =>
  Conv2d({ inChannels, outChannels, kernelSize: 3, padding: 1, bias: false });
const linear = (inFeatures: number, outFeatures: number) => Linear({ inFeatures, outFeatures, bias: false });
const leaky = (more: object = {}) =>
  CubaLIFNode({ currentDecay: 0.25, voltageDecay: 0.125, vThreshold: 0.25, scale: 64, ...more });
const half = 4 * (SIDE / 2) ** 2;

/** Every kind of quantized layer, in networks that fire. */
const NETWORKS: Record<string, () => Layer[]> = {
  "blocks with IF and LIF neurons": () => [
    Block(conv(1, 4), IFNode({ vThreshold: 0.5 })),
    Block(SumPool2d({ kernelSize: 2 }), IFNode({ vThreshold: 1.5 })),
    Flatten(),
    Block(linear(half, 8), LIFNode({ tau: 2, decayInput: false, vThreshold: 0.25 })),
  ],
  "blocks with biases": () => [
    Flatten(),
    Block(Linear({ inFeatures: SIDE ** 2, outFeatures: 8 }), IFNode({ vThreshold: 0.5 })),
  ],
  "blocks with currents that decay": () => [
    Block(conv(1, 4), leaky()),
    Flatten(),
    Block(linear(2 * 2 * half, 6), leaky()),
  ],
  "blocks with learned decays": () => [Flatten(), Block(linear(SIDE ** 2, 6), leaky({ requiresGrad: true }))],
  "blocks with a mean that is subtracted": () => [Block(conv(1, 4), leaky(), MeanOnlyBatchNorm({ numFeatures: 4 }))],
  "blocks with a divisor": () => [Block(conv(1, 4), leaky(), WgtScaleBatchNorm({ numFeatures: 4 }))],
  "blocks as slayer trains them": () => [
    Flatten(),
    Block(linear(SIDE ** 2, 6), leaky(), undefined, { reference: "slayer" }),
    Block(linear(6, 4), leaky(), undefined, { reference: "slayer" }),
  ],
  "blocks as SpikingJelly trains them": () => [
    Block(conv(1, 4), leaky(), MeanOnlyBatchNorm({ numFeatures: 4 }), { reference: "spikingjelly" }),
  ],
  "blocks with learned delays": () => [Block(conv(1, 4), leaky(), undefined, { delay: true })],
  "an input block": () => [InputBlock({ neuron: leaky(), weight: 0.5, bias: 0.125 })],
  "a recurrent block": () => [
    Flatten(),
    RecurrentBlock({ synapse: linear(SIDE ** 2, 6), recurrent: linear(6, 6), neuron: leaky() }),
  ],
  "sigma-delta blocks": () => [
    SigmaDeltaBlock({ neuron: SigmaDelta({ part: "delta" }) }),
    Flatten(),
    SigmaDeltaBlock({ synapse: linear(SIDE ** 2, 6), neuron: SigmaDelta({ channels: 6 }) }),
    SigmaDeltaBlock({ synapse: linear(6, 4), neuron: SigmaDelta({ part: "sigma" }) }),
  ],
};

/** What the host must know before it can go on: learned decays and delays are arguments of kernels. */
const READ_BY_THE_HOST = ["blocks with learned decays", "blocks with learned delays"];
const RECORDED = Object.keys(NETWORKS).filter((name) => !READ_BY_THE_HOST.includes(name));

function networkOf(layers: Layer[]): Network {
  const facts = { inputShape: [1, SIDE, SIDE], steps: STEPS, encoder: PoissonEncoder() };
  return createNetwork({ ...facts, root: Sequential(layers) }, 3);
}

/** As the chip's host sends them: whole spikes, or for graded inputs whole steps of a 64th. */
const input = () =>
  Tensor.from(randomNumbers(STEPS * SAMPLES * SIDE ** 2, 5, 0, 2).map(Math.floor), [STEPS, SAMPLES, 1, SIDE, SIDE]);

interface Trained {
  outputs: Map<string, number[]>;
  gradients: Map<string, ArrayLike<number>>;
  buffers: Map<string, number[]>;
}

const array = (x: Tensor) => [...x.toArray()].map((value) => value + 0);

/** Forward and backward in training mode, twice, so that the second pass sees what the first one left. */
function train(network: Network): Trained {
  const outputs = new Map<string, number[]>();
  for (const pass of [0, 1]) {
    zeroGrad(network.parameters().values());
    scope(() => {
      const x = input().to(network.device);
      const observe = (layer: Layer, output: Tensor) => void outputs.set(`${pass} ${layer.path}`, array(output));
      const output = network.forwardSequence(x, { training: true, random: new RandomStream(0), observe });
      const grad = Tensor.from(randomNumbers(output.size, 11, -1, 1), output.shape, { device: network.device });
      backwardFrom([[output, grad]]);
    });
    resetNet(network);
  }
  const gradients = new Map([...network.parameters()].map(([name, { grad }]) => [name, grad ? array(grad) : []]));
  const buffers = new Map(
    [...network.stateDict()].filter(([name]) => !gradients.has(name)).map(([name, x]) => [name, array(x)]),
  );
  return { outputs, gradients, buffers };
}

function onBoth(make: () => Network): { cpu: Trained; device: Trained } {
  const [here, there] = [make(), make().to(DEVICE)];
  try {
    return { cpu: train(here), device: train(there) };
  } finally {
    for (const network of [here, there]) network.dispose();
  }
}

function expectSame({ cpu, device }: { cpu: Trained; device: Trained }): void {
  for (const [layer, output] of cpu.outputs) {
    expect([layer, device.outputs.get(layer)]).toEqual([layer, output]);
    expect([layer, output.some((value) => value !== 0)]).toEqual([layer, true]);
  }
  expect(device.buffers).toEqual(cpu.buffers);
  for (const [name, gradient] of cpu.gradients) {
    expect([name, device.gradients.get(name)!.length]).toEqual([name, gradient.length]);
    const largest = Math.max(...Array.from(gradient, Math.abs));
    expect([name, largest > 0]).toEqual([name, true]);
    expectClose(device.gradients.get(name)!, gradient, OTHER_SUMS, name);
  }
}

afterEach(() => {
  devices().current = "cpu";
});

describeOnDevice("quantized training on a device", () => {
  it.each(Object.keys(NETWORKS))("fires as on the CPU with %s, and has its gradients", (name) => {
    expectSame(onBoth(() => networkOf(NETWORKS[name]!())));
  });

  // its sums are rounded, and only the emulation adds them in an order that gives the CPU's bits here
  it.skipIf(!isEmulated)("fires as on the CPU in the float16 twin of a network, and has its gradients", () => {
    expectSame(
      onBoth(() => {
        const network = networkOf([
          Conv2d({ inChannels: 1, outChannels: 4, kernelSize: 3, padding: 1 }),
          BatchNorm2d({ numFeatures: 4 }),
          IFNode({ vThreshold: 0.5 }),
          MaxPool2d({ kernelSize: 2 }),
          Flatten(),
          linear(half, 8),
          LIFNode({ vThreshold: 0.125 }),
        ]);
        const twin = prepareForLynxi(network);
        network.dispose();
        return twin;
      }),
    );
  });

  it.each(RECORDED)("asks the device for no number while it trains %s", (name) => {
    expect(() => recordStep(NETWORKS[name]!())).not.toThrow();
  });

  it.each(READ_BY_THE_HOST)("cannot record %s", (name) => {
    expect(() => recordStep(NETWORKS[name]!())).toThrow(/a step that is being recorded/);
  });
});

/** Records forward and backward, in which the device refuses to be waited for. */
function recordStep(layers: Layer[]): void {
  const network = networkOf(layers).to(DEVICE);
  try {
    // once as usual: libraries choose how to compute
    const output = train(network).outputs.get("1 ")!;
    scope(() => {
      const x = input().to(DEVICE);
      const gradient = Tensor.from(output, [output.length], { device: DEVICE });
      let graph: number | null = null;
      core().beginCapture(0);
      try {
        const spikes = network.forwardSequence(x, { training: true, random: new RandomStream(0) });
        backwardFrom([[spikes, gradient.view(spikes.shape, 0)]]);
        graph = core().endCapture();
        core().forget(graph);
      } finally {
        if (graph === null) core().abortCapture();
        resetNet(network);
      }
    });
  } finally {
    network.dispose();
  }
}
