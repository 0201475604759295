/** A run that was stopped or killed anywhere and resumed ends with the bits of one that was never disturbed. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { SpikeshipError } from "../../src/core/index.ts";
import { CHECKPOINT_FILE } from "../../src/train/index.ts";
import { temporaryFolder } from "../error-of.ts";
import { PROJECT_ROOT } from "../fixture.ts";
import { OPTIMIZERS, outcomeOf, train } from "./small-run.ts";

const folder = temporaryFolder();
/** Batches of the whole run: 100 samples in batches of 16, three epochs. */
const BATCHES = 21;

/** The run in a process of its own, with what it has written so far. */
interface Child {
  process: ChildProcess;
  output: () => string;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

function start(directory: string, optimizer: string, ...options: string[]): Child {
  const program = ["scripts/run-ts.mjs", "tests/train/run-in-child.ts", directory, optimizer, ...options];
  const child = spawn(process.execPath, program, { cwd: PROJECT_ROOT, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
  }
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal }));
  });
  return { process: child, output: () => text, ended };
}

/** Waits until the child has written so many lines of progress; fails with its words when it ends before. */
async function afterBatches(child: Child, batches: number): Promise<void> {
  const lines = () => child.output().split("\n").length - 1;
  while (lines() < batches && child.process.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 5));
  if (lines() < batches) throw new Error(`the run ended too early: ${child.output()}`);
}

describe.each(Object.keys(OPTIMIZERS))("a run with %s", (name) => {
  const optimizer = OPTIMIZERS[name]!;
  let straight: ReturnType<typeof outcomeOf>;

  beforeAll(async () => {
    const directory = join(folder, `${name}-straight`);
    await train(directory, optimizer);
    straight = outcomeOf(directory);
  });

  const expectSame = (directory: string) => {
    const resumed = outcomeOf(directory);
    expect(resumed.metrics).toBe(straight.metrics);
    expect(resumed.tensors).toEqual(straight.tensors);
    expect(resumed.moments).toEqual(straight.moments);
    expect(resumed.metadata).toEqual(straight.metadata);
  };

  it("learns, and moves its optimizer's and its batch norm's state", () => {
    const losses = straight.metrics.trim().split("\n");
    const lossOf = (line: string) => (JSON.parse(line) as { trainLoss: number }).trainLoss;
    expect(losses).toHaveLength(3);
    expect(lossOf(losses[2]!)).toBeLessThan(lossOf(losses[0]!));
    expect(straight.moments.size).toBeGreaterThan(0);
    expect(straight.tensors.get("features.1.num_batches_tracked")).toEqual([BATCHES]);
  });

  // in the first epoch, at its last batch, inside the second, and three times in one run
  it.each([[[1]], [[6]], [[7]], [[11]], [[3, 9, 20]]])("is the same when stopped after %j batches", async (stops) => {
    const directory = join(folder, `${name}-stopped-${stops.join("-")}`);
    let batches = 0;
    const run = (until: number, resume: boolean) =>
      train(directory, optimizer, {
        resume,
        onProgress: () => {
          batches++;
        },
        shouldStop: () => batches >= until,
      });
    for (const [i, until] of stops.entries()) {
      const error = await run(until, i > 0).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(SpikeshipError);
      expect((error as SpikeshipError).code).toBe("INTERRUPTED");
      expect(batches).toBe(until);
    }
    await run(Number.POSITIVE_INFINITY, true);
    expect(batches).toBe(BATCHES);
    expectSame(directory);
  });

  it("is the same when its process is killed at a random moment", async () => {
    const directory = join(folder, `${name}-killed`);
    const moment = randomInt(1, BATCHES);
    const child = start(directory, name);
    await afterBatches(child, moment);
    // not only between batches: up to about one batch later, in whatever it then does
    await new Promise((resolve) => setTimeout(resolve, randomInt(0, 40)));
    child.process.kill("SIGKILL");
    const { signal } = await child.ended;
    expect(signal, `killed after batch ${moment}`).toBe("SIGKILL");
    expect(existsSync(join(directory, CHECKPOINT_FILE))).toBe(true);
    await train(directory, optimizer, { resume: true });
    expectSame(directory);
  });

  it("saves and ends with a clear line on Ctrl-C, and goes on from there", async () => {
    const directory = join(folder, `${name}-interrupted`);
    const child = start(directory, name);
    await afterBatches(child, 4);
    child.process.kill("SIGINT");
    const { code, signal } = await child.ended;
    expect({ code, signal }).toEqual({ code: EXIT.interrupted, signal: null });
    const checkpoint = join(directory, CHECKPOINT_FILE);
    expect(child.output()).toMatch(/stopping after this step/);
    expect(child.output().trimEnd().split("\n").at(-1)).toMatch(
      new RegExp(
        `^training: expected 3 epochs, got an interrupt in epoch \\d\\. Saved ${checkpoint}; continue with --resume\\.$`,
      ),
    );
    const resumed = start(directory, name, "--resume");
    expect((await resumed.ended).code).toBe(0);
    expectSame(directory);
  });
});
