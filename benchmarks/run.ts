/**
 * `npm run bench`: measures the machine's limits and every case, each in a process of its own, prints a table and writes JSON. What is counted
 * is in `work.ts`; what the figures mean in `docs/benchmarks.md`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { Command } from "commander";
import { type BenchmarkCase, benchmarkCases } from "./cases.ts";
import type { Job } from "./child.ts";
import { measureGrowth } from "./growth.ts";
import { growthPlot } from "./growth-plot.ts";
import { type Measurement, median } from "./measure.ts";
import { measurePeer, type PeerMeasurement } from "./peer.ts";
import { inProcess, measureLimits } from "./processes.ts";
import { type BenchmarkResult, benchmarkResultSchema, type CaseResult, type Machine } from "./result.ts";
import { DEFAULT_SIZES, TINY_SIZES } from "./sizes.ts";
import { caseLine, machineLine, peerLine, tableHead } from "./table.ts";

interface Options {
  json?: string;
  only?: string;
  quick?: boolean;
  tiny?: boolean;
  profile?: boolean;
  threads?: number;
  repeat?: number;
  peer?: string;
  growth?: boolean;
  svg?: string;
}

/** The better of two measurements of one machine. */
function better(a: Machine, b: Machine): Machine {
  return { ...a, matmulGflops: Math.max(a.matmulGflops, b.matmulGflops), copyGBs: Math.max(a.copyGBs, b.copyGBs) };
}

/** A rate in 10^9 a second; null where there is nothing to count. */
function billions(work: number | null, milliseconds: number): number | null {
  return work === null ? null : work / milliseconds / 1e6;
}

function caseResult(
  benchmark: BenchmarkCase,
  measurement: Measurement | null,
  peer: PeerMeasurement | null,
  machine: Machine,
): CaseResult {
  const { name, images, flops, bytes } = benchmark;
  if (!measurement) {
    const nothing = { milliseconds: null, imagesPerSecond: null, gflops: null, fractionOfMatmul: null };
    return { name, ...nothing, gbs: null, fractionOfCopy: null, peakMB: null, processMB: null, peer: null };
  }
  const milliseconds = median(measurement.milliseconds);
  const gflops = billions(flops, milliseconds);
  const gbs = billions(bytes, milliseconds);
  return {
    name,
    milliseconds,
    imagesPerSecond: images === null ? null : (1000 * images) / milliseconds,
    gflops,
    fractionOfMatmul: gflops === null ? null : gflops / machine.matmulGflops,
    gbs,
    fractionOfCopy: gbs === null ? null : gbs / machine.copyGBs,
    peakMB: measurement.peakMB,
    processMB: measurement.processMB,
    peer: peer && peerResult(peer, milliseconds),
  };
}

function peerResult({ program, milliseconds, processMB }: PeerMeasurement, ours: number): CaseResult["peer"] {
  const theirs = median(milliseconds);
  return { program, milliseconds: theirs, processMB, ratio: theirs / ours };
}

function noteOf({ neuronSteps }: BenchmarkCase, { milliseconds, processMB }: Measurement): string {
  const rate = neuronSteps ? `${billions(neuronSteps, median(milliseconds))!.toFixed(2)} G neuron-steps/s, ` : "";
  return `${rate}process ${processMB.toFixed(0)} MB`;
}

async function bench(options: Options): Promise<BenchmarkResult> {
  const sizes = options.tiny ? TINY_SIZES : DEFAULT_SIZES;
  const brief = options.quick || options.tiny;
  const job: Job = {
    name: null,
    sizes,
    threads: options.threads ?? null,
    repeat: options.repeat ?? (brief ? 5 : 20),
    seconds: options.tiny ? 0 : brief ? 0.3 : 3,
    profile: options.profile ?? false,
  };
  const wanted = benchmarkCases(sizes).filter(({ name }) => name.includes(options.only ?? ""));
  const show = (text: string) => process.stdout.write(`${text}\n`);

  const first = await measureLimits(job);
  show(machineLine(first));
  show(tableHead());
  const measured: { measurement: Measurement | null; peer: PeerMeasurement | null }[] = [];
  for (const benchmark of wanted) {
    const answer = await inProcess({ ...job, name: benchmark.name });
    const measurement = "measurement" in answer ? answer.measurement : null;
    const note = measurement ? noteOf(benchmark, measurement) : "reason" in answer ? answer.reason : "";
    const peer = options.peer
      ? await measurePeer(options.peer, benchmark.name, { threads: first.threads, seconds: job.seconds })
      : null;
    const peerFound = typeof peer === "string" ? null : peer;
    measured.push({ measurement, peer: peerFound });
    const result = caseResult(benchmark, measurement, peerFound, first);
    show(caseLine(result, measurement?.milliseconds[0] ?? null, note));
    if (options.peer) show(peerLine(result, typeof peer === "string" ? peer : ""));
    for (const text of measurement?.profile ?? []) show(`  ${text}`);
  }
  // Measured again at the end: the better of both is nearer to what the machine can do.
  const machine = better(first, await measureLimits(job));
  show(machineLine(machine));
  const cases = wanted.map((benchmark, i) => {
    const { measurement, peer } = measured[i]!;
    return caseResult(benchmark, measurement, peer, machine);
  });
  return benchmarkResultSchema.parse({ machine, cases });
}

function writeResult(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

const program = new Command("bench")
  .description("Measure training, inference, neurons and the chip simulator against this machine's limits.")
  .option("--json <file>", "write the figures as JSON")
  .option("--only <text>", "only the cases whose name contains the text")
  .option("--quick", "fewer repetitions")
  .option("--tiny", "tiny sizes, to see that everything works; the figures mean nothing")
  .option("--profile", "show where the time of each case goes, operation by operation")
  .option("--threads <count>", "threads of the native core", Number)
  .option("--repeat <count>", "timed runs of each case", Number)
  .option("--growth", "measure how time and memory of both networks grow with steps, batch and channels instead")
  .option("--svg <file>", "with --growth: draw the figures")
  .option(
    "--peer <python>",
    "also time the cases on SpikingJelly with this Python, which needs PyTorch and SpikingJelly",
  )
  .parse();

async function growth(options: Options): Promise<unknown> {
  const result = await measureGrowth({
    size: options.tiny ? "tiny" : options.quick ? "quick" : "full",
    only: options.only ?? "",
    threads: options.threads ?? null,
    ...(options.repeat === undefined ? {} : { repeat: options.repeat }),
    show: (line) => process.stdout.write(`${line}\n`),
  });
  if (options.svg) writeResult(options.svg, growthPlot(result));
  return result;
}

const options = program.opts<Options>();
const result = await (options.growth ? growth(options) : bench(options));
if (options.json) writeResult(options.json, `${JSON.stringify(result, null, 2)}\n`);
