/** The embedded digits config on a device: trained, fitted to both chips, with the CPU's metrics. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { type Dataset, openDataset, selectSamples } from "../../src/data/index.ts";
import { targetById } from "../../src/exporters/index.ts";
import { devices } from "../../src/kernels/index.ts";
import { layers } from "../../src/layers.ts";
import { networkFromDescription } from "../../src/model/index.ts";
import { calibrationSamples, fineTune } from "../../src/quantize/index.ts";
import { configSchema, type EpochRecord, trainInDirectory } from "../../src/train/index.ts";
import { temporaryFolder } from "../error-of.ts";
import { PROJECT_ROOT } from "../fixture.ts";
import { DEVICE, describeOnDevice, isEmulated } from "./device.ts";

/**
 * Rates are multiples of 1/16, so a loss differs only where a spike flipped. On the emulated device, whose sums are made in double precision,
 * none did in 320 samples; a GPU's library may flip some.
 */
const LOSS = isEmulated ? 1e-3 : 5e-3;
/** Of 20 test samples, one. */
const ACCURACY = 0.05;

const folder = temporaryFolder();
const SAMPLES = 64;

function someDigits(): Dataset {
  const digits = openDataset({ kind: "digits" });
  const first = (count: number) => Array.from({ length: count }, (_, i) => i);
  return { ...digits, train: selectSamples(digits.train, first(SAMPLES)), test: selectSamples(digits.test, first(20)) };
}

/** What training and both fine-tunings report, and what was said about recording. */
async function wholePath(device: string): Promise<{ epochs: EpochRecord[]; notices: string[] }> {
  const config = configSchema.parse(JSON.parse(readFileSync(join(PROJECT_ROOT, "examples", "digits.json"), "utf8")));
  const dataset = someDigits();
  const notices: string[] = [];
  const common = { registry: layers, device, onNotice: (line: string) => notices.push(line) };
  // 4 steps: one before the recording, three replayed
  const brief = { epochs: 1, batchSize: 16 };
  const network = networkFromDescription(config.network, layers, config.seed);
  const training = { ...config.training, ...brief };
  const { epochs } = await trainInDirectory(network, dataset, {
    ...common,
    training,
    seed: 1,
    directory: join(folder, device, "float"),
  });
  const records = [...epochs];
  network.to("cpu");
  for (const [targetId, target] of Object.entries(config.targets)) {
    const twin = targetById(targetId).prepare(network, {
      options: target.prepare,
      calibration: calibrationSamples(dataset, 16),
    });
    const tuning = { ...target, training: { ...target.training, ...brief } };
    const directory = join(folder, device, targetId);
    const tuned = await fineTune(twin, dataset, { ...common, config, target: tuning, targetId, directory });
    records.push(...tuned.epochs);
    expect(twin.device).toBe(device);
    twin.dispose();
  }
  network.dispose();
  return { epochs: records, notices };
}

afterEach(() => {
  devices().current = "cpu";
});

describeOnDevice("the digits config", () => {
  it("has the CPU's metrics, with the chips' twins, and every training's steps are recorded", async () => {
    const [here, there] = [await wholePath("cpu"), await wholePath(DEVICE)];
    expect(there.epochs).toHaveLength(3);
    for (const [i, { trainLoss, trainAccuracy, testAccuracy }] of here.epochs.entries()) {
      const got = there.epochs[i]!;
      expect(Math.abs(got.trainLoss - trainLoss)).toBeLessThanOrEqual(LOSS);
      expect(Math.abs(got.trainAccuracy - trainAccuracy)).toBeLessThanOrEqual(1 / SAMPLES);
      expect(Math.abs(got.testAccuracy - testAccuracy)).toBeLessThanOrEqual(ACCURACY);
    }
    expect(there.notices).toEqual([]);
  });
});
