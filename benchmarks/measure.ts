/** Times a prepared case: some runs to warm up, then as many as were asked for and a least total time. */
import { core, Profile } from "../src/kernels/index.ts";
import type { BenchmarkCase } from "./cases.ts";
import type { Prepared } from "./prepared.ts";

export interface MeasureOptions {
  /** Timed runs, at least. */
  repeat: number;
  /** Seconds of timed runs, at least. */
  seconds: number;
  /** Also tell where the time goes. */
  profile: boolean;
}

/** What one case measured in its process. */
export interface Measurement {
  /** Sorted times of all runs, milliseconds. */
  milliseconds: number[];
  /** Growth of resident memory from before the case was prepared to its peak, 10^6 bytes. */
  peakMB: number;
  /** Largest resident memory of the whole process, 10^6 bytes. */
  processMB: number;
  /** Lines of a table; empty unless it was asked for. */
  profile: string[];
}

const WARM_UP_RUNS = 3;
/** More runs than this tell no more. */
const MOST_RUNS = 1000;

/** `maxRSS` is counted in units of 1024 bytes (getrusage). */
const largestMB = () => (process.resourceUsage().maxRSS * 1024) / 1e6;

export async function measureCase(
  benchmark: BenchmarkCase,
  { repeat, seconds, profile: wanted }: MeasureOptions,
): Promise<Measurement> {
  const before = process.memoryUsage().rss / 1e6;
  const prepared = await benchmark.prepare();
  try {
    for (let i = 0; i < WARM_UP_RUNS; i++) await prepared.run();
    const milliseconds: number[] = [];
    const end = performance.now() + 1000 * seconds;
    while ((milliseconds.length < repeat || performance.now() < end) && milliseconds.length < MOST_RUNS) {
      const start = performance.now();
      await prepared.run();
      milliseconds.push(performance.now() - start);
    }
    const processMB = largestMB();
    return {
      milliseconds: milliseconds.sort((a, b) => a - b),
      peakMB: Math.max(0, processMB - before),
      processMB,
      profile: wanted ? await profile(prepared, repeat) : [],
    };
  } finally {
    prepared.dispose();
  }
}

/** Times are for one run. */
async function profile(prepared: Prepared, runs: number): Promise<string[]> {
  const profiled = new Profile(core());
  try {
    for (let i = 0; i < runs; i++) await prepared.run();
  } finally {
    profiled.stop();
  }
  return profiled.table(runs);
}

/** The middle of sorted numbers. */
export function median(sorted: readonly number[]): number {
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}
