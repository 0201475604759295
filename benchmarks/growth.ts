/**
 * How time and peak memory of both networks grow when the steps, the batch or the channels double: `npm run bench -- --growth`. Each point is
 * a process of its own. Expected: proportional to steps and batch, and at most to the square of the channels; what grows faster is a jump.
 */
import { z } from "zod";
import type { Job } from "./child.ts";
import { type Measurement, median } from "./measure.ts";
import { inProcess, measureLimits } from "./processes.ts";
import { machineSchema } from "./result.ts";
import { DEFAULT_SIZES, type Sizes, TINY_SIZES } from "./sizes.ts";

export const NETWORKS = ["csnn", "lava"] as const;
export const MODES = ["train", "infer"] as const;
export const AXES = ["steps", "batch", "channels"] as const;
export type Axis = (typeof AXES)[number];

/** Power of the axis with which work grows. */
export const EXPONENT: Record<Axis, number> = { steps: 1, batch: 1, channels: 2 };

export const growthPointSchema = z.strictObject({
  network: z.enum(NETWORKS),
  mode: z.enum(MODES),
  axis: z.enum(AXES),
  value: z.int().positive(),
  milliseconds: z.number().positive().describe("median time of a training step, or of the inference of a batch"),
  peakMB: z.number().nonnegative().describe("growth of the process's resident memory to its peak, 10^6 bytes"),
});
export type GrowthPoint = z.infer<typeof growthPointSchema>;

export const growthResultSchema = z.strictObject({
  machine: machineSchema,
  points: z.array(growthPointSchema),
  jumps: z.array(z.string()).describe("doublings that cost clearly more than they should"),
});
export type GrowthResult = z.infer<typeof growthResultSchema>;

export type GrowthSize = "full" | "quick" | "tiny";

export interface GrowthCase extends Pick<GrowthPoint, "network" | "mode" | "axis" | "value"> {
  /** Name of the benchmark case that is run with other sizes. */
  name: string;
  sizes: Sizes;
}

const powers = (first: number, last: number) =>
  Array.from({ length: Math.log2(last / first) + 1 }, (_, i) => first * 2 ** i);

const RANGES: Record<GrowthSize, Record<Axis, number[]>> = {
  full: { steps: powers(1, 128), batch: powers(1, 64), channels: powers(16, 128) },
  quick: { steps: [1, 8], batch: [1, 8], channels: [16, 32] },
  tiny: { steps: [1, 2], batch: [1, 2], channels: [2, 4] },
};

/** The cases that the points are measured with; both networks keep their own sizes on the other axes. */
const CASES = { csnn: "csnn-c32-t4-b16", lava: "lava-c16-t32-b16" } as const;

export function growthCases(size: GrowthSize): GrowthCase[] {
  const base = size === "tiny" ? TINY_SIZES : DEFAULT_SIZES;
  return AXES.flatMap((axis) =>
    RANGES[size][axis].flatMap((value) =>
      NETWORKS.flatMap((network) =>
        MODES.map((mode) => ({
          network,
          mode,
          axis,
          value,
          name: `${CASES[network]}/${mode}`,
          sizes: sizesOf(base, network, axis, value),
        })),
      ),
    ),
  );
}

function sizesOf(base: Sizes, network: GrowthCase["network"], axis: Axis, value: number): Sizes {
  switch (axis) {
    case "batch":
      return { ...base, batch: value };
    case "steps":
      return network === "csnn" ? { ...base, csnnSteps: value } : { ...base, lavaSteps: value };
    case "channels": {
      // the case with 32 channels runs the smaller of the two
      const channels: Sizes["csnnChannels"] = [base.csnnChannels[0], value];
      return network === "csnn" ? { ...base, csnnChannels: channels } : { ...base, lavaChannels: value };
    }
  }
}

export interface GrowthOptions {
  size: GrowthSize;
  /** Only the cases whose title contains the text. */
  only: string;
  threads: number | null;
  repeat?: number;
  show: (line: string) => void;
}

/** Timed runs and least seconds of them, for each point. */
const EFFORT: Record<GrowthSize, { repeat: number; seconds: number }> = {
  full: { repeat: 7, seconds: 0.5 },
  quick: { repeat: 3, seconds: 0 },
  tiny: { repeat: 1, seconds: 0 },
};

const titleOf = ({ network, mode, axis, value }: Omit<GrowthPoint, "milliseconds" | "peakMB">) =>
  `${network} ${mode} ${axis} ${value}`;

/** Measures all points. A point that cannot run, for want of memory perhaps, is told and left out. */
export async function measureGrowth({ size, only, threads, repeat, show }: GrowthOptions): Promise<GrowthResult> {
  const base = size === "tiny" ? TINY_SIZES : DEFAULT_SIZES;
  const effort = { ...EFFORT[size], ...(repeat === undefined ? {} : { repeat }) };
  const job: Omit<Job, "name" | "sizes"> = { ...effort, threads, profile: false };
  const machine = await measureLimits({ ...job, name: null, sizes: base });
  const known = new Map<string, Measurement>();
  const points: GrowthPoint[] = [];
  for (const { name, sizes, ...place } of growthCases(size)) {
    const title = titleOf(place);
    if (!title.includes(only)) continue;
    // the base point lies on every axis
    const key = JSON.stringify([name, sizes]);
    const answer = known.has(key) ? { measurement: known.get(key)! } : await inProcess({ ...job, name, sizes });
    if (!("measurement" in answer)) {
      show(`${title.padEnd(28)} ${"reason" in answer ? answer.reason : "no answer"}`);
      continue;
    }
    known.set(key, answer.measurement);
    const { milliseconds, peakMB } = answer.measurement;
    points.push({ ...place, milliseconds: median(milliseconds), peakMB });
    show(`${title.padEnd(28)} ${median(milliseconds).toFixed(2).padStart(10)} ms ${peakMB.toFixed(0).padStart(7)} MB`);
  }
  const jumps = findJumps(points);
  show(jumps.length === 0 ? "no jumps" : jumps.map((jump) => `jump: ${jump}`).join("\n"));
  return growthResultSchema.parse({ machine, points, jumps });
}

/** A doubling may cost this much more than it should before it is called a jump: medians on a shared machine scatter. */
const TOLERANCE = 1.5;
/** Less memory than this is the program itself and its caches, 10^6 bytes. */
const LEAST_MB = 64;

/** Neighbours on an axis whose time or memory grew more than the axis explains. */
export function findJumps(points: readonly GrowthPoint[]): string[] {
  const jumps: string[] = [];
  for (const [first, second] of neighbours(points)) {
    const expected = (second.value / first.value) ** EXPONENT[first.axis];
    const time = second.milliseconds / first.milliseconds;
    const memory = second.peakMB / Math.max(first.peakMB, LEAST_MB);
    const place = `${titleOf(first)} to ${second.value}`;
    const limit = expected * TOLERANCE;
    if (time > limit) jumps.push(`${place}: ${time.toFixed(1)} times the time`);
    if (memory > limit) jumps.push(`${place}: ${memory.toFixed(1)} times the memory`);
  }
  return jumps;
}

/** Points of one network, mode and axis that follow each other. */
export function seriesOf(points: readonly GrowthPoint[]): GrowthPoint[][] {
  const series = new Map<string, GrowthPoint[]>();
  for (const point of points) {
    const key = `${point.network} ${point.mode} ${point.axis}`;
    series.set(key, [...(series.get(key) ?? []), point]);
  }
  return [...series.values()].map((list) => list.sort((a, b) => a.value - b.value));
}

function neighbours(points: readonly GrowthPoint[]): [GrowthPoint, GrowthPoint][] {
  return seriesOf(points).flatMap((list) =>
    list.slice(1).map((point, i): [GrowthPoint, GrowthPoint] => [list[i]!, point]),
  );
}
