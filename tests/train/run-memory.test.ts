/** Memory of a whole training: networks with state, optimizer, loader. Flat after warm-up, and all given back. */
import { describe, expect, it } from "vitest";
import { memoryStats } from "../../src/tensor/index.ts";
import { evaluate, TrainingRun } from "../../src/train/index.ts";
import { smallNetwork } from "../model/small-network.ts";
import { OPTIMIZERS, smallDataset, smallTraining } from "./small-run.ts";

const WARM_UP = 100;
const STEPS = 1000;
/** Bytes. A leak of one activation a step (16 x 3 x 8 x 8 floats, 4 steps) would be 49 MB; code, caches and the collector's slack are less. */
const RESIDENT_GROWTH = 40e6;

describe("a thousand training steps", () => {
  it.each(Object.keys(OPTIMIZERS))("with %s leave memory as it was after warm-up", (name) => {
    const before = memoryStats().liveBuffers;
    const network = smallNetwork(1);
    const dataset = smallDataset();
    const run = new TrainingRun(network, dataset, smallTraining(OPTIMIZERS[name]!, STEPS), 1);
    let steps = 0;
    const trainUntil = (until: number) => {
      while (steps < until) {
        for (const batch of run.loader) {
          run.step(batch);
          if (++steps >= until) return;
        }
        run.endEpoch();
        evaluate(network, dataset.test);
      }
    };
    trainUntil(WARM_UP);
    const after = memoryStats();
    const resident = process.memoryUsage().rss;
    trainUntil(WARM_UP + STEPS);
    const end = memoryStats();
    expect([end.liveBuffers, end.liveBytes]).toEqual([after.liveBuffers, after.liveBytes]);
    expect(end.cachedBytes).toBe(after.cachedBytes);
    expect(process.memoryUsage().rss - resident).toBeLessThan(RESIDENT_GROWTH);
    run.dispose();
    network.dispose();
    expect(memoryStats().liveBuffers).toBe(before);
  });
});
