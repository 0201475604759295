/** Lava DL's 8-bit weights, norms and sum pools: values and gradients of `lava_neuron.h5`. */
import { afterAll, describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import { type Layer, SumPool2d } from "../../src/model/index.ts";
import { MeanOnlyBatchNorm, quantizeWeights, WgtScaleBatchNorm } from "../../src/quantize/index.ts";
import { backward, backwardFrom, permute, scope, sum, type Tensor } from "../../src/tensor/index.ts";
import { fixture } from "../fixture.ts";
import { openReference } from "../h5.ts";
import { tensorOf } from "../model/layer-fixture.ts";
import { expectClose, ONE_PASS } from "../tolerance.ts";

const file = await openReference(fixture("lava_neuron.h5"));
afterAll(() => file.close());

const exactly = (got: Tensor, path: string) => expect([...got.toArray()], path).toEqual([...file.floats(path)]);
const close = (got: Tensor, path: string) => expectClose(got.toArray(), file.floats(path), ONE_PASS, path);

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

/** A stored `[N, C, T]` as `[T, N, C]`, and back. */
const timeFirst = (x: Tensor) => permute(x, [2, 0, 1]);
const timeLast = (x: Tensor) => permute(x, [1, 2, 0]);

describe.each(["mean_only", "wgt_scale"] as const)("the norm %s", (name) => {
  const path = `norm/${name}`;
  const numFeatures = file.array(`${path}/x`).shape[1]!;
  const options = { numFeatures, momentum: Number(file.attribute(path, "momentum")) };
  /** The stored biases are in steps of slayer's default scale. */
  const scale = 64;
  const make = (): Layer => {
    const eps = Number(file.attribute(path, "eps"));
    const norm = name === "mean_only" ? MeanOnlyBatchNorm(options) : WgtScaleBatchNorm({ ...options, eps });
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
