/** From a prepared network to its fine-tuned checkpoint. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { layers } from "../../src/layers.ts";
import { loadCheckpoint, networkFromDescription } from "../../src/model/index.ts";
import { calibrationSamples, fineTune, isPreparedForLoihi, prepareForLoihi } from "../../src/quantize/index.ts";
import { configSchema, evaluate } from "../../src/train/index.ts";
import { temporaryFolder } from "../error-of.ts";
import { OPTIMIZERS, smallDataset } from "../train/small-run.ts";

const folder = temporaryFolder();

const config = configSchema.parse({
  name: "small",
  seed: 6,
  dataset: { kind: "digits" },
  network: {
    inputShape: [1, 8, 8],
    steps: 6,
    encoder: { kind: "PoissonEncoder" },
    root: {
      kind: "Sequential",
      layers: [
        { kind: "Flatten" },
        { kind: "Linear", inFeatures: 64, outFeatures: 10, bias: false },
        { kind: "IFNode", vThreshold: 0.5, surrogate: { kind: "ATan" } },
      ],
    },
  },
  training: { epochs: 1, loss: "crossEntropy", optimizer: OPTIMIZERS.adam },
  targets: {
    loihi: { training: { epochs: 2, loss: "crossEntropy", optimizer: OPTIMIZERS.adam }, calibrationSamples: 12 },
  },
});
const target = config.targets.loihi!;

describe("fine-tuning", () => {
  it("measures before it trains, and stores the config and the target beside the prepared network", async () => {
    const dataset = smallDataset();
    const trained = networkFromDescription(config.network, layers, config.seed);
    const prepared = prepareForLoihi(trained, { calibration: calibrationSamples(dataset, target.calibrationSamples) });
    const before = evaluate(prepared, dataset.test, { seed: config.seed }).accuracy;
    const directory = join(folder, "loihi");
    const outcome = await fineTune(prepared, dataset, {
      config,
      target,
      targetId: "loihi",
      registry: layers,
      directory,
    });
    expect(outcome.accuracyBefore).toBe(before);
    expect(outcome.epochs).toHaveLength(2);
    expect(outcome.epochs[1]!.trainLoss).toBeLessThan(outcome.epochs[0]!.trainLoss);
    const { network, metadata } = loadCheckpoint(outcome.checkpoint, layers);
    expect(isPreparedForLoihi(network)).toBe(true);
    expect(metadata).toMatchObject({ target: "loihi", config: JSON.parse(JSON.stringify(config)) });
    expect(evaluate(network, dataset.test, { seed: config.seed }).accuracy).toBe(outcome.epochs[1]!.testAccuracy);
    for (const each of [network, prepared, trained]) each.dispose();
  });
});

describe("calibration samples", () => {
  it("are the first of the training split, at most all of them", () => {
    const dataset = smallDataset();
    const few = calibrationSamples(dataset, 3);
    expect(few.shape).toEqual([3, 1, 8, 8]);
    expect(few.data).toHaveLength(3 * 64);
    expect(calibrationSamples(dataset, 1e6).shape).toEqual([dataset.train.count, 1, 8, 8]);
  });
});
