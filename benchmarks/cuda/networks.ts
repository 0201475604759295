/**
 * Measures the cases of `cases.ts` on the first device of the device library, each in a process of its own so that one that fails spoils no
 * other, and writes JSON. Called by `run.sh`, which measures the kernels and the device's limits in the same run.
 */
import { fork } from "node:child_process";
import { renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { core, devices } from "../../src/kernels/index.ts";
import { median } from "../measure.ts";
import { type DeviceCase, deviceCases } from "./cases.ts";

const DEVICE = "cuda:0";
const WARM_UP_RUNS = 5;
const WARM_UP_ROUNDS = 4;
const ROUNDS = 7;
/** Runs are timed in rounds of at least so many seconds, with one synchronisation at the end: in a training the host runs ahead too. */
const ROUND_SECONDS = 0.15;

interface Measured {
  name: string;
  /** Median time of one run. */
  milliseconds: number;
  imagesPerSecond: number | null;
  /** Largest memory on the device, 10^6 bytes. */
  deviceMB: number;
}

type Answer = Measured | { name: string; reason: string };

interface Options {
  out?: string;
  trial?: boolean;
  case?: string;
}

async function measure({ name, images, prepare }: DeviceCase, trial: boolean): Promise<Measured> {
  const native = core();
  // for the whole process: what a case makes later lies on the device too
  devices().current = devices().named(DEVICE);
  const prepared = await prepare(DEVICE);
  const round = async (runs: number) => {
    const start = performance.now();
    for (let i = 0; i < runs; i++) await prepared.run();
    native.synchronize(0);
    return (performance.now() - start) / runs;
  };
  try {
    await round(trial ? 3 : WARM_UP_RUNS);
    const once = await round(1);
    const runs = trial ? 1 : Math.max(1, Math.ceil((1000 * ROUND_SECONDS) / once));
    // the compiler of JavaScript gets going within thousands of calls, not within the first five runs
    for (let i = 0; i < (trial ? 0 : WARM_UP_ROUNDS); i++) await round(runs);
    const times: number[] = [];
    for (let i = 0; i < (trial ? 1 : ROUNDS); i++) times.push(await round(runs));
    const milliseconds = median(times.sort((a, b) => a - b));
    const imagesPerSecond = images === null ? null : (1000 * images) / milliseconds;
    return { name, milliseconds, imagesPerSecond, deviceMB: native.deviceMemory(0).peakBytes / 1e6 };
  } finally {
    prepared.dispose();
  }
}

function inProcess(name: string, trial: boolean): Promise<Answer> {
  const words = [fileURLToPath(import.meta.url), "--case", name, ...(trial ? ["--trial"] : [])];
  const runner = fileURLToPath(new URL("../../scripts/run-ts.mjs", import.meta.url));
  return new Promise((resolve) => {
    const started = fork(runner, words, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    let answer: Answer | null = null;
    started.on("message", (message) => {
      answer = message as Answer;
    });
    started.on("exit", (code, signal) => {
      resolve(answer ?? { name, reason: `its process ended with ${signal ?? `code ${code}`}` });
    });
  });
}

function lineOf(answer: Answer): string {
  const name = answer.name.padEnd(34);
  if ("reason" in answer) return `${name} not measured: ${answer.reason}`;
  const { milliseconds, imagesPerSecond, deviceMB } = answer;
  const rate = imagesPerSecond === null ? "" : `${imagesPerSecond.toFixed(0)} images/s`;
  return `${name} ${milliseconds.toFixed(3).padStart(10)} ms ${rate.padStart(18)} ${deviceMB.toFixed(0).padStart(8)} MB`;
}

const textOf = (cases: Answer[]) => `${JSON.stringify({ node: process.version, cases }, null, 2)}\n`;

function writeWhole(file: string, text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

async function measureAll({ out, trial = false }: Options): Promise<void> {
  const cases: Answer[] = [];
  for (const { name } of deviceCases(trial)) {
    const answer = await inProcess(name, trial);
    process.stderr.write(`${lineOf(answer)}\n`);
    cases.push(answer);
    // at once: what was measured stays when the time runs out
    if (out) writeWhole(out, textOf(cases));
  }
  if (!out) process.stdout.write(textOf(cases));
  if (cases.some((answer) => "reason" in answer)) process.exitCode = 1;
}

async function measureOne(name: string, trial: boolean): Promise<void> {
  const found = deviceCases(trial).find((candidate) => candidate.name === name)!;
  const answer = await measure(found, trial).catch(
    (error: unknown): Answer => ({ name, reason: error instanceof Error ? error.message : String(error) }),
  );
  process.send?.(answer, () => process.disconnect());
}

const options = new Command("networks")
  .description("Measure neurons, training steps and the chip's simulator on a device.")
  .option("--out <file>", "where the JSON goes (default: standard output)")
  .option("--trial", "tiny sizes, to see that everything works; the figures mean nothing")
  .option("--case <name>", "only this case, in this process")
  .parse()
  .opts<Options>();
await (options.case === undefined ? measureAll(options) : measureOne(options.case, options.trial ?? false));
