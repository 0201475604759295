/** Lava DL's recurrent blocks and delays as layers: outputs and gradients by slow code, pieces of sequences, graphs, JSON. */
import { describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import { layers } from "../../src/layers.ts";
import {
  ConstantEncoder,
  CubaLIFNode,
  createNetwork,
  describeLayer,
  Flatten,
  IFNode,
  Linear,
  layerFromDescription,
  Sequential,
} from "../../src/model/index.ts";
import {
  AxonalDelay,
  Block,
  DelayShift,
  InputBlock,
  RecurrentBlock,
  SigmaDelta,
  SigmaDeltaBlock,
} from "../../src/quantize/index.ts";
import { backward, backwardFrom, mul, noGrad, scope, sum, Tensor, uniform } from "../../src/tensor/index.ts";
import { errorOf } from "../error-of.ts";
import {
  ATAN,
  close,
  context,
  decays,
  inMode,
  product,
  SCALE,
  SLAYER,
  STEPS,
  slow,
  spikesIn,
  THRESHOLD,
  tensor,
  weights,
} from "./plain-numbers.ts";
import { slowCuba } from "./slow-cuba.ts";

describe("a recurrent block", () => {
  const [W, R] = [weights(5, 4, 1), weights(5, 5, 2, 16)];
  const input = spikesIn(STEPS, 4, 3);
  const gradients = weights(STEPS, 5, 4);
  const make = (options: object) => {
    const block = RecurrentBlock({
      synapse: Linear({ inFeatures: 4, outFeatures: 5, bias: false }),
      recurrent: Linear({ inFeatures: 5, outFeatures: 5, bias: false }),
      neuron: CubaLIFNode({ ...decays, vThreshold: THRESHOLD, scale: SCALE, ...options }),
      delayShift: false,
    });
    block.initialize(new RandomStream(0));
    block.children.get("synapse")!.setTensor("weight", tensor(W, [5, 4]));
    block.children.get("recurrent")!.setTensor("weight", tensor(R, [5, 5]));
    return block;
  };

  it.each([
    ["chip", { surrogate: { kind: "ATan" }, requiresGrad: true }, slow({ slope: ATAN, gradient: "full" })],
    ["slayer", { reference: "slayer" }, slow({ slope: SLAYER(THRESHOLD), gradient: "steps" })],
  ] as const)("has the outputs and gradients of the equations by the reference %s", (_, options, neuron) => {
    const block = inMode(make(options), "m");
    const expected = slowCuba(
      neuron,
      input.map((x) => product(W, x)),
      R,
      gradients,
    );
    expect(expected.outputs.flat()).toContain(1);
    scope(() => {
      const x = tensor(input, [STEPS, 1, 4], true);
      const output = block.forward(x, context);
      expect([...output.toArray()]).toEqual(expected.outputs.flat());
      backwardFrom([[output, tensor(gradients, [STEPS, 1, 5])]]);
      const { gradDrive, gradRecurrent } = expected;
      const transposed = W[0]!.map((_, i) => W.map((row) => row[i]!));
      close(
        x.grad,
        gradDrive.flatMap((g) => product(transposed, g)),
        "x",
      );
      const gradW = W.map((row, o) =>
        row.map((_, i) => gradDrive.reduce((total, g, t) => total + g[o]! * input[t]![i]!, 0)),
      );
      close(block.children.get("synapse")!.tensor("weight").grad, gradW.flat(), "W");
      close(block.children.get("recurrent")!.tensor("weight").grad, gradRecurrent.flat(), "R");
      const learned = block.children.get("neuron")!.parameters;
      if (learned.size === 0) return;
      close(learned.get("current_decay")!.grad, [expected.gradCurrentDecay], "current decay");
      close(learned.get("voltage_decay")!.grad, [expected.gradVoltageDecay], "voltage decay");
    });
    block.dispose();
  });

  it("gives step by step what it gives for a sequence", () => {
    const block = make({});
    scope(() =>
      noGrad(() => {
        const whole = [
          ...inMode(block, "m")
            .forward(tensor(input, [STEPS, 1, 4]), context)
            .toArray(),
        ];
        for (const layer of block.walk()) layer.reset();
        inMode(block, "s");
        const single = input.flatMap((x) => [...block.forward(tensor([x], [1, 4]), context).toArray()]);
        expect(single).toEqual(whole);
      }),
    );
    block.dispose();
  });

  it("lowers to two matrices, their sum, and a neuron that one of them reads", () => {
    const network = createNetwork({ inputShape: [4], steps: 3, encoder: ConstantEncoder(), root: make({}) });
    const { nodes } = network.lower();
    const [input_, drive, back, total, neuron] = nodes;
    expect(nodes.map(({ kind }) => kind)).toEqual(["input", "linear", "linear", "add", "neuron", "rateOutput"]);
    expect(drive!.inputs).toEqual([input_!.id]);
    expect(back!.inputs).toEqual([neuron!.id]);
    expect(total!.inputs).toEqual([drive!.id, back!.id]);
    expect(neuron!.inputs).toEqual([total!.id]);
    network.dispose();
  });

  it("is refused with matrices that do not fit", () => {
    const linear = (inFeatures: number, outFeatures: number) => Linear({ inFeatures, outFeatures, bias: false });
    const block = RecurrentBlock({ synapse: linear(4, 5), recurrent: linear(5, 4), neuron: IFNode() });
    expect(errorOf(() => block.outputShape([4])).message).toContain("expected 5 outputs");
    const flat = () => RecurrentBlock({ synapse: linear(4, 5), recurrent: Flatten(), neuron: IFNode() });
    expect(errorOf(flat).code).toBe("TARGET");
  });
});

describe("delays", () => {
  const sequence = weights(8, 6, 7);

  it.each([
    ["AxonalDelay", () => AxonalDelay({ channels: 6, initial: 2.5 })],
    ["DelayShift", () => DelayShift()],
  ])("%s: a sequence in pieces and in single steps is the sequence as a whole", (_, make) => {
    const layer = inMode(make(), "m");
    layer.initialize(new RandomStream(0));
    scope(() =>
      noGrad(() => {
        const x = (from: number, to: number) => tensor(sequence.slice(from, to), [to - from, 1, 6]);
        const run = (...cuts: number[]) => {
          layer.reset();
          return cuts.slice(1).flatMap((to, i) => [...layer.forward(x(cuts[i]!, to), context).toArray()]);
        };
        const whole = run(0, 8);
        expect(whole.slice(0, 6)).toEqual(new Array(6).fill(0));
        expect(run(0, 1, 5, 8)).toEqual(whole);
        inMode(layer, "s").reset();
        const single = sequence.flatMap((row) => [...layer.forward(tensor([row], [1, 6]), context).toArray()]);
        expect(single).toEqual(whole);
      }),
    );
    layer.dispose();
  });

  it("of a block are learned, one for each channel, drawn from the first step", () => {
    const block = Block(
      Linear({ inFeatures: 3, outFeatures: 4, bias: false }),
      IFNode({ vThreshold: 0.1 }),
      undefined,
      {
        delay: true,
      },
    );
    block.initialize(new RandomStream(0));
    const delay = block.children.get("delay")!;
    const drawn = [...delay.tensor("delay").toArray()];
    expect(drawn).toHaveLength(4);
    expect(drawn.every((steps) => steps >= 0 && steps < 1)).toBe(true);
    delay.setTensor("delay", Tensor.from([-3, 0.5, 2.5, 70], [4]));
    scope(() => {
      const x = uniform([6, 2, 3], new RandomStream(1));
      const output = inMode(block, "m").forward(x, context);
      expect([...delay.tensor("delay").toArray()]).toEqual([0, 0.5, 2.5, 62]);
      backward(sum(mul(output, uniform(output.shape, new RandomStream(2)))));
      expect([...delay.tensor("delay").grad!.toArray()].some((g) => g !== 0)).toBe(true);
    });
    block.dispose();
  });

  it("lower to one delay node, of all channels or of each", () => {
    const dense = Linear({ inFeatures: 2, outFeatures: 2, bias: false });
    const root = Block(dense, IFNode(), undefined, { delay: true });
    const network = createNetwork({ inputShape: [2], steps: 3, encoder: ConstantEncoder(), root });
    const nodesWith = (delays: number[]) => {
      network.layer("delay").setTensor("delay", Tensor.from(delays, [2]));
      return network.lower().nodes.filter(({ kind }) => kind === "delay");
    };
    expect(nodesWith([0.9, 0.1])).toEqual([]);
    expect(nodesWith([2.9, 2.1])).toMatchObject([{ steps: 2 }]);
    expect(nodesWith([2.9, 2.1])[0]).not.toHaveProperty("channels");
    expect(nodesWith([0, 3])).toMatchObject([{ steps: 3, channels: [0, 3] }]);
    network.dispose();
  });

  it("behind a sum pool are a layer of their own, since a pool does not say how many channels it has", () => {
    const pool = layerFromDescription({ kind: "SumPool2d", kernelSize: 2 }, layers);
    expect(errorOf(() => Block(pool, IFNode(), undefined, { delay: true })).message).toContain("AxonalDelay");
  });
});

describe("every layer of this kind", () => {
  const dense = () => Linear({ inFeatures: 2, outFeatures: 2, bias: false });
  const neuron = () => CubaLIFNode({ ...decays, reference: "slayer", channels: 2, requiresGrad: true });
  it.each([
    Block(dense(), neuron(), undefined, { reference: "slayer", delay: true }),
    RecurrentBlock({ synapse: dense(), recurrent: dense(), neuron: neuron(), reference: "slayer", delay: true }),
    InputBlock({ neuron: neuron(), weight: 0.5, bias: 0.25 }),
    SigmaDeltaBlock({ synapse: dense(), neuron: SigmaDelta({ channels: 2 }) }),
    Sequential([AxonalDelay({ channels: 2 }), DelayShift({ steps: 3 })]),
  ])("survives its JSON description: %#", (layer) => {
    const json = JSON.parse(JSON.stringify(describeLayer(layer)));
    const copy = layerFromDescription(json, layers);
    expect(JSON.parse(JSON.stringify(describeLayer(copy)))).toEqual(json);
    expect([...copy.walk()].map(({ kind }) => kind)).toEqual([...layer.walk()].map(({ kind }) => kind));
  });
});
