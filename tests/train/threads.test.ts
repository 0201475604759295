/** A whole training is the same, bit for bit, for any number of threads. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { core } from "../../src/kernels/index.ts";
import { OPTIMIZERS, outcomeOf, smallTraining, train } from "./small-run.ts";

describe("training", () => {
  const threads = core().info().threads;
  const folders: string[] = [];
  afterEach(() => {
    core().setThreads(threads);
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  for (const precision of ["float32", "bfloat16"] as const) {
    it(`in ${precision} leaves the same checkpoint, optimizer state and metrics with 1, 2 and 3 threads`, async () => {
      const outcomes = [];
      for (const count of [1, 2, 3]) {
        core().setThreads(count);
        const directory = mkdtempSync(join(tmpdir(), "spikeship-threads-"));
        folders.push(directory);
        await train(directory, OPTIMIZERS.adam!, { training: { ...smallTraining(OPTIMIZERS.adam!), precision } });
        outcomes.push(outcomeOf(directory));
      }
      for (const outcome of outcomes.slice(1)) expect(outcome).toEqual(outcomes[0]);
    });
  }
});
