/** Trainings whose activations lie in memory in 16 bits: what they learn, that a stopped run goes on bit for bit, and what is refused. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseWith, SpikeshipError } from "../../src/core/index.ts";
import { openDataset, selectSamples } from "../../src/data/index.ts";
import { layers } from "../../src/layers.ts";
import { configSchema, trainInDirectory } from "../../src/train/index.ts";
import { temporaryFolder } from "../error-of.ts";
import { PROJECT_ROOT } from "../fixture.ts";
import { smallNetwork } from "../model/small-network.ts";
import { OPTIMIZERS, outcomeOf, smallTraining, train } from "./small-run.ts";

const folder = temporaryFolder();
const PRECISIONS = ["bfloat16", "float16"] as const;

/** Of 200 test samples, 8: another rounding is another training, and runs of other seeds differ by as many. */
const ACCURACY = 0.04;

/** Test accuracy of the small network (convolution, batch norm, pool, neurons) on part of the digits. */
async function accuracy(settings: object): Promise<number> {
  const digits = openDataset({ kind: "digits" });
  const first = (count: number) => Array.from({ length: count }, (_, i) => i);
  const dataset = {
    ...digits,
    train: selectSamples(digits.train, first(800)),
    test: selectSamples(digits.test, first(200)),
  };
  const network = smallNetwork(1, "ConstantEncoder");
  try {
    const base = smallTraining({ kind: "adam", learningRate: 0.01 }, 10);
    const training = { ...base, shift: 0, schedule: { kind: "constant" as const }, ...settings };
    const directory = join(folder, JSON.stringify(settings).replaceAll(/\W/g, ""));
    const { epochs } = await trainInDirectory(network, dataset, { training, seed: 1, directory, registry: layers });
    return epochs.at(-1)!.testAccuracy;
  } finally {
    network.dispose();
  }
}

describe("activations in 16 bits", () => {
  it("train the digits as well as float32 does", async () => {
    const exact = await accuracy({});
    expect(exact).toBeGreaterThan(0.8);
    for (const precision of PRECISIONS) {
      const half = await accuracy({ precision, activations: "half" });
      expect(half, precision).toBeGreaterThan(exact - ACCURACY);
    }
  });

  it.each(PRECISIONS)("in %s: a run that was stopped ends with the bits of one that was not", async (precision) => {
    const optimizer = OPTIMIZERS.adam!;
    const training = { ...smallTraining(optimizer), precision, activations: "half" as const };
    const [straight, stopped] = [join(folder, `straight-${precision}`), join(folder, `stopped-${precision}`)];
    await train(straight, optimizer, { training });
    let batches = 0;
    const run = train(stopped, optimizer, { training, shouldStop: () => ++batches === 9 });
    await expect(run).rejects.toBeInstanceOf(SpikeshipError);
    await train(stopped, optimizer, { training, resume: true });
    expect(outcomeOf(stopped)).toEqual(outcomeOf(straight));
  });

  it("differ from float32 activations of the same precision", async () => {
    const optimizer = OPTIMIZERS.sgd!;
    const weights = async (activations: "float32" | "half") => {
      const directory = join(folder, `weights-${activations}`);
      await train(directory, optimizer, {
        training: { ...smallTraining(optimizer, 1), precision: "bfloat16", activations },
      });
      return outcomeOf(directory).tensors;
    };
    expect(await weights("half")).not.toEqual(await weights("float32"));
  });
});

describe("the setting", () => {
  const example = () => JSON.parse(readFileSync(join(PROJECT_ROOT, "examples", "digits.json"), "utf8"));

  it("is refused without a precision of 16 bits", () => {
    const config = example();
    config.training.activations = "half";
    expect(() => parseWith(configSchema, config, "config")).toThrow(
      /training\.activations.*"half" with precision "float32"/,
    );
  });

  it("is refused for a chip's twin", () => {
    const config = example();
    Object.assign(config.targets.loihi.training, { precision: "bfloat16", activations: "half" });
    expect(() => parseWith(configSchema, config, "config")).toThrow(/targets\.loihi\.training\.activations.*twin/);
  });
});
