/** Whole trainings on a device: as on the CPU, resumed elsewhere, in half precision. */
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { devices } from "../../src/kernels/index.ts";
import { type OptimizerInput, trainingSchema } from "../../src/train/index.ts";
import { temporaryFolder } from "../error-of.ts";
import { expectClose } from "../tolerance.ts";
import { OPTIMIZERS, outcomeOf, smallTraining, train } from "../train/small-run.ts";
import { DEVICE, describeOnDevice } from "./device.ts";

/**
 * Products are summed in another order than the CPU's library does, so weights differ by their last bits, and after some steps a
 * potential lands on the other side of its threshold: one spike of a batch.
 */
const LOSS = 2e-3;
/** Of 100 samples. */
const ACCURACY = 0.02;

const folder = temporaryFolder();
let runs = 0;

type Settings = Partial<ReturnType<typeof trainingSchema.parse>>;

async function outcome(optimizer: OptimizerInput, device: string, settings: Settings = {}) {
  const directory = join(folder, `${runs++}`);
  const training = { ...smallTraining(optimizer), ...settings };
  const { epochs } = await train(directory, optimizer, { training, device });
  return { epochs, directory, ...outcomeOf(directory) };
}

afterEach(() => {
  devices().current = "cpu";
});

describeOnDevice("a training", () => {
  it.each(Object.keys(OPTIMIZERS))("with %s has the CPU's metrics", async (name) => {
    const [here, there] = [await outcome(OPTIMIZERS[name]!, "cpu"), await outcome(OPTIMIZERS[name]!, DEVICE)];
    for (const [i, { trainLoss, trainAccuracy, testAccuracy, learningRate }] of here.epochs.entries()) {
      const got = there.epochs[i]!;
      expect(got.learningRate).toBe(learningRate);
      expect(Math.abs(got.trainLoss - trainLoss)).toBeLessThanOrEqual(LOSS);
      expect(Math.abs(got.trainAccuracy - trainAccuracy)).toBeLessThanOrEqual(ACCURACY);
      expect(Math.abs(got.testAccuracy - testAccuracy)).toBeLessThanOrEqual(5 * ACCURACY);
    }
  });

  it("begun on one device goes on on another", async () => {
    const optimizer = OPTIMIZERS.adam!;
    const straight = await outcome(optimizer, "cpu", { epochs: 2 });
    const directory = join(folder, "moved");
    await train(directory, optimizer, { training: smallTraining(optimizer, 1), device: DEVICE });
    const { epochs } = await train(directory, optimizer, { training: smallTraining(optimizer, 2), resume: true });
    expect(epochs).toHaveLength(2);
    expect(Math.abs(epochs[1]!.trainLoss - straight.epochs[1]!.trainLoss)).toBeLessThanOrEqual(LOSS);
  });

  it("is repeated bit for bit on one device, and resumed so", async () => {
    const optimizer = OPTIMIZERS.sgd!;
    const [first, second] = [await outcome(optimizer, DEVICE), await outcome(optimizer, DEVICE)];
    expect(second.tensors).toEqual(first.tensors);
    expect(second.metrics).toBe(first.metrics);
    const directory = join(folder, "resumed");
    await train(directory, optimizer, { training: smallTraining(optimizer, 1), device: DEVICE });
    await train(directory, optimizer, { resume: true, device: DEVICE });
    expect(outcomeOf(directory).tensors).toEqual(first.tensors);
    expect(outcomeOf(directory).moments).toEqual(first.moments);
  });

  it.each(["bfloat16", "float16"] as const)("with %s factors stays close to the CPU's", async (precision) => {
    const optimizer = OPTIMIZERS.adam!;
    const settings = { precision, epochs: 1 };
    const [here, there] = [await outcome(optimizer, "cpu", settings), await outcome(optimizer, DEVICE, settings)];
    expect(Math.abs(there.epochs[0]!.trainLoss - here.epochs[0]!.trainLoss)).toBeLessThanOrEqual(10 * LOSS);
    expect(there.tensors.get("head.weight")).not.toEqual(
      (await outcome(optimizer, DEVICE, { epochs: 1 })).tensors.get("head.weight"),
    );
  });

  it.each(["bfloat16", "float16"] as const)("with activations in %s stays close to the CPU's", async (precision) => {
    const optimizer = OPTIMIZERS.adam!;
    const settings = { precision, activations: "half" as const, epochs: 1 };
    const [here, there] = [await outcome(optimizer, "cpu", settings), await outcome(optimizer, DEVICE, settings)];
    expect(Math.abs(there.epochs[0]!.trainLoss - here.epochs[0]!.trainLoss)).toBeLessThanOrEqual(10 * LOSS);
  });

  it("adds gradients up as on the CPU", async () => {
    const optimizer = OPTIMIZERS.sgd!;
    const settings = { batchSize: 8, accumulate: 3, epochs: 1 };
    const [here, there] = [await outcome(optimizer, "cpu", settings), await outcome(optimizer, DEVICE, settings)];
    for (const [name, values] of here.tensors) expectClose(there.tensors.get(name)!, values, 1e-2, name);
  });

  it("on a device that is not there ends before it begins", async () => {
    await expect(outcome(OPTIMIZERS.sgd!, "cuda:77")).rejects.toThrow(/cuda:77.*--device cpu/s);
    expect(trainingSchema.safeParse({ epochs: 1, optimizer: OPTIMIZERS.sgd, device: "tpu" }).success).toBe(false);
  });
});
