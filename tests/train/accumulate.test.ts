/** Gradient accumulation: several batches, one step of the optimizer. */
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Loader } from "../../src/data/index.ts";
import { layers } from "../../src/layers.ts";
import { type Network, networkFromDescription } from "../../src/model/index.ts";
import { TrainingRun, trainInDirectory, trainingSchema } from "../../src/train/index.ts";
import { accumulationOf } from "../../src/train/step/accumulation.ts";
import { temporaryFolder } from "../error-of.ts";
import { expectClose } from "../tolerance.ts";
import { outcomeOf, smallDataset } from "./small-run.ts";

/** One epoch of steps whose gradients are sums of the same numbers in another order; spikes did not flip in these runs. */
const OTHER_ORDER = 1e-5;

const folder = temporaryFolder();
const surrogate = { kind: "ATan", alpha: 2 };

/** Without batch norm, dropout or random spikes: nothing in it depends on which samples share a batch. */
function network(): Network {
  const description = {
    inputShape: [1, 8, 8],
    steps: 4,
    encoder: { kind: "ConstantEncoder" },
    root: {
      kind: "Sequential",
      layers: [
        { kind: "Conv2d", inChannels: 1, outChannels: 3, kernelSize: 3, padding: 1 },
        { kind: "IFNode", surrogate },
        { kind: "Flatten" },
        { kind: "Linear", inFeatures: 192, outFeatures: 10 },
        { kind: "LIFNode", surrogate },
      ],
    },
  };
  return networkFromDescription(description, layers, 3);
}

function config(options: { batchSize: number; accumulate?: number }) {
  return trainingSchema.parse({
    epochs: 2,
    loss: "crossEntropy",
    optimizer: { kind: "sgd", learningRate: 0.5, momentum: 0.9 },
    ...options,
  });
}

async function trained(name: string, options: { batchSize: number; accumulate?: number }) {
  const directory = join(folder, name);
  const net = network();
  try {
    const dataset = smallDataset();
    await trainInDirectory(net, dataset, { training: config(options), seed: 1, directory, registry: layers });
  } finally {
    net.dispose();
  }
  return outcomeOf(directory);
}

describe("accumulated gradients", () => {
  it("train as the larger batch does, up to rounding, also where the last step has fewer samples", async () => {
    // 100 samples: three steps of 32 and one of 4
    const together = await trained("together", { batchSize: 32 });
    const apart = await trained("apart", { batchSize: 8, accumulate: 4 });
    for (const [name, numbers] of together.tensors) expectClose(apart.tensors.get(name)!, numbers, OTHER_ORDER, name);
    const steps = (outcome: typeof together) =>
      (outcome.metadata.training as { optimizerSteps: object }).optimizerSteps;
    expect(steps(apart)).toEqual(steps(together));
  });

  it("give each sample of a step the same weight", () => {
    const sizes = fc.record({
      samples: fc.integer({ min: 1, max: 200 }),
      batchSize: fc.integer({ min: 1, max: 40 }),
      every: fc.integer({ min: 1, max: 6 }),
    });
    fc.assert(
      fc.property(sizes, ({ samples, batchSize, every }) => {
        let weights = 0;
        let steps = 0;
        for (let index = 0; index * batchSize < samples; index++) {
          const { weight, last } = accumulationOf(index, every, batchSize, samples);
          weights += weight;
          if (!last) continue;
          expect(weights).toBeCloseTo(1, 12);
          weights = 0;
          steps++;
        }
        expect(weights).toBe(0);
        expect(steps).toBe(Math.ceil(samples / (batchSize * every)));
      }),
    );
  });

  it("are not torn by an interrupt: a run stops between steps and goes on bit for bit", async () => {
    const options = { batchSize: 8, accumulate: 3 };
    const straight = await trained("straight", options);
    const directory = join(folder, "stopped");
    const go = async (resume: boolean, stopAfter: number) => {
      let batches = 0;
      const net = network();
      const run = trainInDirectory(net, smallDataset(), {
        training: config(options),
        seed: 1,
        directory,
        registry: layers,
        resume,
        onProgress: () => batches++,
        shouldStop: () => batches >= stopAfter,
      });
      await run.finally(() => net.dispose());
    };
    await expect(go(false, 4)).rejects.toThrow(/interrupt/);
    expect(outcomeOf(directory).metadata).toMatchObject({ training: { loader: { batch: 6 } } });
    await go(true, Number.POSITIVE_INFINITY);
    expect(outcomeOf(directory).tensors).toEqual(straight.tensors);
    expect(outcomeOf(directory).moments).toEqual(straight.moments);
  });

  it("of a step that fails are forgotten", () => {
    const net = network();
    const dataset = smallDataset();
    const run = new TrainingRun(net, dataset, config({ batchSize: 8, accumulate: 4 }), 1);
    const before = [...net.parameters()].map(([name, tensor]) => [name, tensor.toArray()]);
    const [, second] = new Loader(dataset.train, dataset.shape, { batchSize: 8, random: null });
    for (const batch of run.loader) {
      run.step(batch);
      if (run.loader.state.batch === 2) break;
    }
    expect(run.withinStep).toBe(true);
    const broken = { ...second!, labels: second!.labels.map(() => 99) };
    const told = () => {
      run.step(broken);
      // a device is asked when somebody needs the numbers
      return run.sums;
    };
    expect(told).toThrow(/labels from 0 to 9|a finite loss/);
    expect(run.withinStep).toBe(false);
    expect([...net.parameters().values()].some((tensor) => tensor.grad)).toBe(false);
    expect([...net.parameters()].map(([name, tensor]) => [name, tensor.toArray()])).toEqual(before);
    for (const batch of run.loader) run.step(batch);
    expect(Number.isFinite(run.sums.loss)).toBe(true);
    expect([...net.parameters()].map(([name, tensor]) => [name, tensor.toArray()])).not.toEqual(before);
    run.dispose();
    net.dispose();
  });
});
