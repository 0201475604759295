/** Runs in a process of its own: measures the machine or one case, sends the result to the parent (`run.ts`), and ends. */
import { core } from "../src/kernels/index.ts";
import { measureMachine } from "./machine.ts";
import { type Measurement, type MeasureOptions, measureCase } from "./measure.ts";
import type { Machine } from "./result.ts";
import type { Sizes } from "./sizes.ts";

export interface Job extends MeasureOptions {
  /** Name of a case; null: the machine's limits. */
  name: string | null;
  sizes: Sizes;
  threads: number | null;
}

export type Answer = { machine: Machine } | { measurement: Measurement } | { reason: string };

/** Tries for each limit of the machine. */
const MACHINE_TRIES = 12;

async function answer({ name, sizes, threads, ...options }: Job): Promise<Answer> {
  if (threads !== null) core().setThreads(threads);
  if (name === null) return { machine: measureMachine(sizes, MACHINE_TRIES) };
  // only a case loads the whole program
  const { benchmarkCases } = await import("./cases.ts");
  const benchmark = benchmarkCases(sizes).find((candidate) => candidate.name === name)!;
  return { measurement: await measureCase(benchmark, options) };
}

const job = JSON.parse(process.argv[2]!) as Job;
const result = await answer(job).catch(
  (error: unknown): Answer => ({ reason: error instanceof Error ? error.message : String(error) }),
);
process.send?.(result, () => process.disconnect());
