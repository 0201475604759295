/** What Lava DL's CUBA neuron can learn and send: decays for all or by channel, graded spikes. Judged by slow code. */
import { describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import { type CubaNeuron, type DenseLayer, lowerToNet } from "../../src/exporters/lava/index.ts";
import {
  ConstantEncoder,
  CubaLIFNode,
  createNetwork,
  type Layer,
  Linear,
  PoissonEncoder,
} from "../../src/model/index.ts";
import { Block, WgtScaleBatchNorm } from "../../src/quantize/index.ts";
import {
  backward,
  backwardFrom,
  scope,
  stack,
  sum,
  Tensor,
  uniform,
  unstack,
  zeroGrad,
} from "../../src/tensor/index.ts";
import { errorOf } from "../error-of.ts";
import { expectClose, ONE_PASS } from "../tolerance.ts";
import {
  ATAN,
  close,
  context,
  decays,
  inMode,
  STEPS,
  slow,
  spikesIn,
  THRESHOLD,
  tensor,
  weights,
} from "./plain-numbers.ts";
import { slowCuba } from "./slow-cuba.ts";

describe("graded spikes", () => {
  it("carry the voltage, and have the gradient of the product by default", () => {
    const drive = weights(STEPS, 6, 5);
    const gradients = weights(STEPS, 6, 6);
    const expected = slowCuba(slow({ slope: ATAN, gradient: "full", graded: true }), drive, null, gradients);
    const surrogate = { kind: "ATan" } as const;
    const neuron = CubaLIFNode({ ...decays, vThreshold: THRESHOLD, gradedSpike: true, surrogate, requiresGrad: true });
    neuron.initialize(new RandomStream(0));
    scope(() => {
      const x = tensor(drive, [STEPS, 1, 6], true);
      const output = inMode(neuron, "m").forward(x, context);
      expect([...output.toArray()]).toEqual(expected.outputs.flat());
      expect(expected.outputs.flat().some((value) => value > THRESHOLD)).toBe(true);
      backwardFrom([[output, tensor(gradients, [STEPS, 1, 6])]]);
      close(x.grad, expected.gradDrive.flat(), "x");
      close(neuron.tensor("current_decay").grad, [expected.gradCurrentDecay], "current decay");
      close(neuron.tensor("voltage_decay").grad, [expected.gradVoltageDecay], "voltage decay");
    });
    neuron.dispose();
  });

  it("are not exported, since the chip's loader would make them binary", () => {
    const neuron = CubaLIFNode({ ...decays, gradedSpike: true });
    const root = Block(Linear({ inFeatures: 2, outFeatures: 2, bias: false }), neuron);
    const network = createNetwork({ inputShape: [2], steps: 3, encoder: ConstantEncoder(), root });
    expect(errorOf(() => network.lower()).message).toContain("gradedSpike true");
    network.dispose();
  });
});

describe("a CUBA neuron with learned decays", () => {
  it.each(["chip", "slayer", "spikingjelly"] as const)(
    "learns the same step by step, by the reference %s",
    (reference) => {
      const neuron = CubaLIFNode({ ...decays, vThreshold: THRESHOLD, requiresGrad: true, reference });
      neuron.initialize(new RandomStream(0));
      const [drive, gradients] = [weights(STEPS, 6, 11), weights(STEPS, 6, 12)];
      const run = (mode: "s" | "m") => {
        neuron.reset();
        for (const decay of neuron.parameters.values()) zeroGrad([decay]);
        return scope(() => {
          inMode(neuron, mode);
          const x = tensor(drive, [STEPS, 1, 6], true);
          const output =
            mode === "m" ? neuron.forward(x, context) : stack(unstack(x).map((now) => neuron.forward(now, context)));
          backwardFrom([[output, tensor(gradients, [STEPS, 1, 6])]]);
          const learned = [...neuron.parameters.values()].map((decay) => decay.grad!.item());
          return { output: [...output.toArray()], x: [...x.grad!.toArray()], learned };
        });
      };
      const whole = run("m");
      const single = run("s");
      expect(whole.output).toContain(1);
      expect(single.output).toEqual(whole.output);
      expectClose(single.x, whole.x, ONE_PASS, "x");
      for (const [i, value] of whole.learned.entries()) expectClose([single.learned[i]!], [value], ONE_PASS, "decay");
      neuron.dispose();
    },
  );
});

describe("decays learned by channel", () => {
  const CHANNELS = 3;
  const values = { current_decay: [300.25, 4096, 1024], voltage_decay: [0, 700.5, 41] };

  it.each(["chip", "slayer", "spikingjelly"] as const)(
    "are those of separate neurons by the reference %s",
    (reference) => {
      const common = { ...decays, vThreshold: THRESHOLD, requiresGrad: true, reference, storeVSeq: true };
      const together = CubaLIFNode({ ...common, channels: CHANNELS });
      const apart = Array.from({ length: CHANNELS }, () => CubaLIFNode(common));
      const all = [together, ...apart];
      for (const layer of all) inMode(layer, "m").initialize(new RandomStream(0));
      for (const [name, numbers] of Object.entries(values)) {
        together.setTensor(name, Tensor.from(numbers, [CHANNELS]));
        apart.forEach((layer, c) => void layer.setTensor(name, Tensor.full([], numbers[c]!)));
      }
      const random = new RandomStream(9);
      scope(() => {
        const [batch, pixels] = [2, 4];
        const x = uniform([STEPS, batch, CHANNELS, 2, 2], random, { low: -0.5, high: 1 });
        const g = uniform([STEPS, batch, CHANNELS, 2, 2], random, { low: -1, high: 1 });
        const input = Tensor.from(x.toArray(), x.shape, { requiresGrad: true });
        const output = together.forward(input, context);
        backwardFrom([[output, g]]);
        apart.forEach((layer, c) => {
          const only = (t: Tensor) => {
            const numbers = t.toArray();
            return Float32Array.from(numbers).filter((_, i) => Math.floor(i / pixels) % CHANNELS === c);
          };
          const own = Tensor.from(only(x), [STEPS, batch, 1, 2, 2], { requiresGrad: true });
          const single = layer.forward(own, context);
          expect([...single.toArray()]).toEqual([...only(output)]);
          expect(single.toArray()).toContain(1);
          backwardFrom([[single, Tensor.from(only(g), own.shape)]]);
          expect([...own.grad!.toArray()]).toEqual([...only(input.grad!)]);
          for (const name of Object.keys(values)) {
            const mine = together.tensor(name).grad!.toArray()[c]!;
            close(layer.tensor(name).grad, [mine], `${name} of channel ${c}`);
          }
        });
        expect(together.state.get("voltage")!.shape).toEqual([batch, CHANNELS, 2, 2]);
        // a second call goes on from the states of the first
        const again = together.forward(x, context).toArray();
        const fresh = apart.map((layer, c) => [
          ...layer
            .forward(
              Tensor.from(
                Float32Array.from(x.toArray()).filter((_, i) => Math.floor(i / pixels) % CHANNELS === c),
                [STEPS, batch, 1, 2, 2],
              ),
              context,
            )
            .toArray(),
        ]);
        fresh.forEach((spikes, c) => {
          expect([...again].filter((_, i) => Math.floor(i / pixels) % CHANNELS === c)).toEqual(spikes);
        });
      });
      for (const layer of all) layer.dispose();
    },
  );

  it("stand on both sides of a norm: equal ones compute what one for all does, and learn its gradient together", () => {
    const make = (channels?: number) => {
      const neuron = CubaLIFNode({ ...decays, vThreshold: 0.25, requiresGrad: true, gradedSpike: true, channels });
      const synapse = Linear({ inFeatures: 4, outFeatures: CHANNELS, bias: false });
      const block = Block(synapse, neuron, WgtScaleBatchNorm({ numFeatures: CHANNELS }));
      block.initialize(new RandomStream(3));
      return inMode(block, "m");
    };
    const run = (block: Layer) =>
      scope(() => {
        const output = block.forward(tensor(spikesIn(STEPS, 8, 5), [STEPS, 2, 4]), context);
        backward(sum(output));
        const learned = [...block.walk()].flatMap(({ parameters }) => [...parameters]);
        const gradients = learned.map(([name, { grad }]) => [
          name,
          name === "weight" ? [...grad!.toArray()] : [Array.from(grad!.toArray()).reduce((a, b) => a + b, 0)],
        ]);
        block.dispose();
        return { output: [...output.toArray()], gradients: Object.fromEntries(gradients) as Record<string, number[]> };
      });
    const [one, each] = [run(make()), run(make(CHANNELS))];
    expect(one.output.some((value) => value > 0.25)).toBe(true);
    expect(each.output).toEqual(one.output);
    expect(Object.keys(one.gradients).sort()).toEqual(["current_decay", "voltage_decay", "weight"]);
    for (const [name, gradient] of Object.entries(one.gradients)) {
      expectClose(each.gradients[name]!, gradient, ONE_PASS, name);
    }
  });

  it("reach a graph as one while they agree, and as a list where they do not", () => {
    const neuron = CubaLIFNode({ ...decays, requiresGrad: true, channels: 2 });
    const root = Block(Linear({ inFeatures: 2, outFeatures: 2, bias: false }), neuron);
    const network = createNetwork({ inputShape: [2], steps: 3, encoder: ConstantEncoder(), root });
    const learned = network.layer("neuron");
    learned.setTensor("current_decay", Tensor.from([512, 512], [2]));
    expect(network.lower().nodes[2]).toMatchObject({ options: { currentDecay: 0.125, requiresGrad: false } });
    expect(network.lower().nodes[2]).not.toHaveProperty("channelOptions");
    learned.setTensor("current_decay", Tensor.from([512, 600], [2]));
    expect(network.lower().nodes[2]).toMatchObject({ channelOptions: { currentDecay: [0.125, 600 / 4096] } });
    network.dispose();
  });
});

describe("trained decays", () => {
  it("are what the chip's file holds, rounded as training rounds them", () => {
    const neuron = CubaLIFNode({ ...decays, requiresGrad: true, vThreshold: 0.75 });
    const root = Block(Linear({ inFeatures: 2, outFeatures: 2, bias: false }), neuron);
    const network = createNetwork({ inputShape: [2], steps: 3, encoder: PoissonEncoder(), root });
    const trained = { current_decay: 100.5, voltage_decay: 2047.75 };
    for (const [name, decay] of Object.entries(trained))
      network.layer("neuron").setTensor(name, Tensor.full([], decay));
    const layer = lowerToNet(network.lower()).net.layers[1] as DenseLayer;
    const { iDecay, vDecay } = layer.neuron as CubaNeuron;
    // halves go to the even number
    expect([[...iDecay.data], [...vDecay.data]]).toEqual([[100], [2048]]);
    network.dispose();
  });

  it.each(["chip", "slayer", "spikingjelly"] as const)("are what a graph holds, by the reference %s", (reference) => {
    const neuron = CubaLIFNode({ ...decays, requiresGrad: true, vThreshold: 0.75 });
    const root = Block(Linear({ inFeatures: 2, outFeatures: 2, bias: false }), neuron, undefined, {
      reference,
      delayShift: false,
    });
    const network = createNetwork({ inputShape: [2], steps: 3, encoder: ConstantEncoder(), root });
    network.layer("neuron").setTensor("current_decay", Tensor.full([], 100));
    network.layer("neuron").setTensor("voltage_decay", Tensor.full([], 5000));
    expect(network.lower().nodes[2]).toMatchObject({
      neuron: "CubaLIFNode",
      options: { currentDecay: 100 / 4096, voltageDecay: 1, reference: "chip", requiresGrad: false },
    });
    network.dispose();
  });
});
