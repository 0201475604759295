/** Pieces of Lava DL and SpikingJelly: weights, surrogates, delays, norms and sum pools. Values and gradients of `lava_neuron.h5`. */
import { afterAll, describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import { Conv2d, CubaLIFNode, type Layer, SumPool2d } from "../../src/model/index.ts";
import { AxonalDelay, Block, MeanOnlyBatchNorm, quantizeWeights, WgtScaleBatchNorm } from "../../src/quantize/index.ts";
import { backward, backwardFrom, scope, sum, Tensor } from "../../src/tensor/index.ts";
import { fixture } from "../fixture.ts";
import { openReference } from "../h5.ts";
import { tensorOf } from "../model/layer-fixture.ts";
import { expectClose, ONE_PASS } from "../tolerance.ts";
import { timeFirst, timeLast, context as training } from "./lava-training.ts";

const file = await openReference(fixture("lava_neuron.h5"));
afterAll(() => file.close());

const exactly = (got: Tensor, path: string) => expect([...got.toArray()], path).toEqual([...file.floats(path)]);
const close = (got: Tensor, path: string) => expectClose(got.toArray(), file.floats(path), ONE_PASS, path);
const number = (path: string, name: string) => Number(file.attribute(path, name));

/** Where each group of the file is tested; a group that is not here has no test. */
const GROUPS = {
  slayer: "lava-training-neurons.reference.test.ts",
  spikingjelly: "lava-training-neurons.reference.test.ts; batchnorm2d here",
  quantize: "here",
  axonal_delay: "here",
  norm: "here",
  sum_pool: "here",
  spike_surrogate: "here",
  leaky_integrator_step: "model/neurons/lava-exchange.reference.test.ts and lava-pieces.reference.test.ts",
};

it("lava_neuron.h5 has no group without a test", () => {
  expect(file.keys("").sort()).toEqual(Object.keys(GROUPS).sort());
});

describe("8-bit weights", () => {
  it.each(file.keys("quantize"))("are slayer's at %s, and so are their gradients", (name) => {
    const path = `quantize/${name}`;
    const scale = Number(name.split("_")[1]);
    scope(() => {
      const weight = tensorOf(file, `${path}/w`, true);
      const quantized = quantizeWeights(weight, scale);
      exactly(quantized, `${path}/slayer`);
      backward(sum(quantized));
      close(weight.grad!, `${path}/slayer_grad`);
    });
  });

  it.each(file.keys("quantize"))(
    "are SpikingJelly's at %s with its largest weight, and so are their gradients",
    (name) => {
      const path = `quantize/${name}`;
      const scale = Number(name.split("_")[1]);
      scope(() => {
        const weight = tensorOf(file, `${path}/w`, true);
        const quantized = quantizeWeights(weight, scale, 255);
        exactly(quantized, `${path}/spikingjelly`);
        backward(sum(quantized));
        close(weight.grad!, `${path}/spikingjelly_grad`);
        const whole = (values: Tensor) => [...values.toArray()].map((value) => Math.round(value * scale) + 0);
        expect(whole(quantized)).toEqual(
          [...file.floats(`${path}/spikingjelly_descaled`)].map((value) => Math.round(value) + 0),
        );
        const slayer = quantizeWeights(tensorOf(file, `${path}/w`), scale);
        expect(whole(slayer)).toEqual(
          [...file.floats(`${path}/slayer_descaled`)].map((value) => Math.round(value) + 0),
        );
      });
    },
  );

  it.each(file.keys("quantize"))("differ from SpikingJelly's at %s only beyond the chip's 254", (name) => {
    const path = `quantize/${name}`;
    const scale = Number(name.split("_")[1]);
    scope(() => {
      const ours = quantizeWeights(tensorOf(file, `${path}/w`), scale).toArray();
      const theirs = file.floats(`${path}/spikingjelly`);
      const different = [...theirs.keys()].filter((i) => ours[i] !== theirs[i]);
      expect(different.length).toBeGreaterThan(0);
      for (const i of different) expect([ours[i], theirs[i]]).toEqual([254 / scale, 255 / scale].map(Math.fround));
    });
  });
});

/** The norms by the file's names. */
const NORMS: Record<string, (options: { numFeatures: number; momentum: number; eps: number }) => Layer> = {
  mean_only: ({ eps: _, ...options }) => MeanOnlyBatchNorm(options),
  wgt_scale: (options) => WgtScaleBatchNorm(options),
};

describe.each(file.keys("norm"))("the norm %s", (name) => {
  const path = `norm/${name}`;
  const numFeatures = file.array(`${path}/x`).shape[1]!;
  const options = { numFeatures, momentum: Number(file.attribute(path, "momentum")) };
  /** The stored biases are in steps of slayer's default scale. */
  const scale = 64;
  const make = (): Layer => {
    const norm = NORMS[name]!({ ...options, eps: number(path, "eps") });
    norm.initialize(new RandomStream(0));
    norm.stepMode = "m";
    return norm;
  };
  const context = (training: boolean) => ({
    training,
    random: new RandomStream(0),
    quantize: (mean: Tensor) => quantizeWeights(mean, scale),
  });

  it("is slayer's in training, statistics and gradient included, and then in evaluation", () => {
    const norm = make();
    scope(() => {
      const x = tensorOf(file, `${path}/x`, true);
      const trained = timeLast(norm.forward(timeFirst(x), context(true)));
      exactly(trained, `${path}/y_train`);
      backwardFrom([[trained, tensorOf(file, `${path}/grad_y`)]]);
      close(x.grad!, `${path}/grad_x_train`);
      for (const buffer of norm.buffers.keys()) close(norm.tensor(buffer), `${path}/${buffer}`);
      const evaluated = timeLast(norm.forward(timeFirst(tensorOf(file, `${path}/x`)), context(false)));
      exactly(evaluated, `${path}/y_eval`);
      const biases = [...quantizeWeights(norm.tensor("running_mean"), scale).toArray()].map((mean) => 0 - mean * scale);
      expect(biases).toEqual([...file.floats(`${path}/bias`)]);
    });
    norm.dispose();
  });
});

describe("SumPool2d", () => {
  it.each(file.keys("sum_pool"))("sums as SpikingJelly's in %s", (name) => {
    const path = `sum_pool/${name}`;
    const [, kernel] = /^k(\d+)_/.exec(name)!;
    scope(() => {
      const pool = SumPool2d({ kernelSize: Number(kernel) });
      const output = pool.forward(tensorOf(file, `${path}/x`), { training: false, random: new RandomStream(0) });
      expect(output.shape).toEqual(file.array(`${path}/spikingjelly`).shape);
      exactly(output, `${path}/spikingjelly`);
    });
  });
});

describe("SumPool2d of slayer", () => {
  it.each(file.keys("sum_pool"))("is ours in %s, on an input padded to whole windows at its end", (name) => {
    const path = `sum_pool/${name}`;
    const kernel = Number(/^k(\d+)_/.exec(name)![1]);
    scope(() => {
      const x = tensorOf(file, `${path}/x`);
      const rest = x.shape[3]! % kernel;
      const output = SumPool2d({ kernelSize: kernel }).forward(padEnd(x, rest), training);
      expect(output.shape).toEqual(file.array(`${path}/slayer`).shape);
      exactly(output, `${path}/slayer`);
    });
  });

  /** Zero rows and columns behind the last ones, by slayer's count: size mod kernel. */
  function padEnd(x: Tensor, rest: number): Tensor {
    const [n = 0, c = 0, height = 0, width = 0] = x.shape;
    const [tall, wide] = [height + rest, width + rest];
    const numbers = x.toArray();
    const padded = new Float32Array(n * c * tall * wide);
    numbers.forEach((value, i) => {
      const column = i % width;
      const row = Math.floor(i / width) % height;
      padded[Math.floor(i / (width * height)) * tall * wide + row * wide + column] = value;
    });
    return Tensor.from(padded, [n, c, tall, wide]);
  }
});

describe("spike_surrogate", () => {
  it.each(file.keys("spike_surrogate"))("%s: slayer's spikes and their gradient at given voltages", (name) => {
    const path = `spike_surrogate/${name}`;
    const threshold = number(path, "threshold");
    // one step of a neuron without memory on a grid so fine that the stored float voltages are grid numbers up to 2^-23
    const scale = 2 ** 17;
    const neuron = CubaLIFNode({
      currentDecay: 1,
      voltageDecay: 1,
      vThreshold: threshold,
      scale,
      reference: "slayer",
      gradedSpike: name === "graded",
      surrogate: {
        kind: "LavaExponential",
        tauGrad: number(path, "tau_rho") / (100 * threshold),
        scaleGrad: number(path, "scale_rho") / 0.1,
      },
    });
    neuron.stepMode = "m";
    scope(() => {
      const voltage = tensorOf(file, `${path}/voltage`, true);
      const spikes = timeLast(neuron.forward(timeFirst(voltage), training));
      expectClose(spikes.toArray(), file.floats(`${path}/spike`), ONE_PASS, path);
      backward(sum(spikes));
      close(voltage.grad!, `${path}/grad_voltage`);
    });
    neuron.dispose();
  });
});

describe("AxonalDelay", () => {
  it("delays as slayer does, clamps its delays to what the chip holds, and has slayer's gradients", () => {
    const path = "axonal_delay";
    const maxDelay = number(path, "max_delay");
    const stored = file.floats(`${path}/delay_after_clamp`);
    const delay = AxonalDelay({ channels: stored.length, maxDelay });
    delay.initialize(new RandomStream(0));
    delay.stepMode = "m";
    // what was clamped comes from beyond the limit
    const given = stored.map((steps) => (steps === maxDelay ? steps + 2 : steps));
    delay.setTensor("delay", Tensor.from(given, [stored.length]));
    scope(() => {
      const x = tensorOf(file, `${path}/x`, true);
      const y = timeLast(delay.forward(timeFirst(x), training));
      exactly(delay.tensor("delay"), `${path}/delay_after_clamp`);
      exactly(y, `${path}/y`);
      backwardFrom([[y, tensorOf(file, `${path}/grad_y`)]]);
      close(x.grad!, `${path}/grad_x`);
      close(delay.tensor("delay").grad!, `${path}/grad_delay`);
    });
    delay.dispose();
  });
});

describe("spikingjelly/batchnorm2d", () => {
  it("is a norm inside the block by the reference spikingjelly: spikes and statistics of each step", () => {
    const path = "spikingjelly/batchnorm2d";
    const channels = file.array(`${path}/x`).shape[2]!;
    const synapse = Conv2d({ inChannels: channels, outChannels: channels, kernelSize: 1, bias: false });
    const neuron = CubaLIFNode({
      currentDecay: number(path, "current_decay"),
      voltageDecay: number(path, "voltage_decay"),
      vThreshold: number(path, "threshold"),
      scale: number(path, "scale"),
    });
    const norm = WgtScaleBatchNorm({
      numFeatures: channels,
      momentum: number(path, "momentum"),
      eps: number(path, "eps"),
    });
    const block = Block(synapse, neuron, norm, { reference: "spikingjelly" });
    block.initialize(new RandomStream(0));
    const identity = Float32Array.from({ length: channels ** 2 }, (_, i) => (i % (channels + 1) === 0 ? 1 : 0));
    synapse.setTensor("weight", Tensor.from(identity, [channels, channels, 1, 1]));
    for (const layer of block.walk()) layer.stepMode = "m";
    scope(() => {
      exactly(block.forward(tensorOf(file, `${path}/x`), training), `${path}/spike_train`);
      close(norm.tensor("running_mean"), `${path}/running_mean`);
      close(norm.tensor("running_var"), `${path}/running_var`);
      for (const layer of block.walk()) layer.reset();
      const evaluation = { ...training, training: false };
      exactly(block.forward(tensorOf(file, `${path}/x`), evaluation), `${path}/spike_eval`);
    });
    block.dispose();
  });
});
