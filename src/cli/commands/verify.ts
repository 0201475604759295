/** `spikeship verify`: proves that an exported file behaves as the network it was written from. */
import type { Command } from "commander";
import { openDataset } from "../../data/index.ts";
import { MANIFEST_FILE } from "../../exporters/index.ts";
import { layers } from "../../layers.ts";
import { countOf, formatShare, type VerdictDocument, verifyArtefact } from "../../verify/index.ts";
import { wholeNumber } from "../arguments.ts";
import { datasetOf } from "../artefact-dataset.ts";
import { addDeviceFlag, type DeviceFlag, useDevice } from "../device.ts";
import { EXIT } from "../exit-codes.ts";
import { expectWrittenBy } from "../folder.ts";
import { percent, printResult } from "../output.ts";
import { createProgress } from "../progress.ts";

/** Enough that one flip in a thousand shows in the smallest layer, few enough that a large network is verified in seconds. */
const DEFAULT_SAMPLES = 256;

interface Options extends DeviceFlag {
  data?: string;
  config?: string;
  samples?: string;
  json?: boolean;
  quiet?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command("verify")
    .argument("<directory>", "directory written by spikeship export")
    .description("run network and file on the same samples, compare every layer, and write verdict.json")
    .option(
      "-d, --data <digits|directory>",
      "test samples: digits, or a folder of MNIST files (default: the dataset the network was trained on)",
    )
    .option("-c, --config <file>", "config that names the dataset")
    .option("-n, --samples <n>", `how many test samples, or all (default: ${DEFAULT_SAMPLES})`);
  addDeviceFlag(command)
    .option("--json", "print the verdict as JSON")
    .option("-q, --quiet", "no progress")
    .addHelpText(
      "after",
      "\nExit code 1 when the contract of the target is broken.\n\nExample:\n  spikeship verify out --samples 200",
    )
    .action(run);
}

async function run(directory: string, options: Options): Promise<void> {
  expectWrittenBy("spikeship export", directory, MANIFEST_FILE);
  const { dataset: config, seed } = datasetOf(directory, options);
  const dataset = openDataset(config);
  const progress = createProgress(options);
  try {
    useDevice(options, progress);
    const { verdict } = await verifyArtefact(directory, dataset.test, layers, {
      seed,
      ...samplesOf(options),
      onProgress: (done, of) => progress.update(done, of, `${done} of ${of} samples`),
    });
    printResult(options.json, verdict, () => verdictText(verdict));
    if (!verdict.passed) process.exitCode = EXIT.brokenContract;
  } finally {
    progress.stop();
  }
}

function samplesOf({ samples }: Options): { samples?: number } {
  if (samples === "all") return {};
  return { samples: samples === undefined ? DEFAULT_SAMPLES : wholeNumber("--samples", samples, 1) };
}

/** The verdict for people: a line for each check. */
export function verdictText(verdict: VerdictDocument): string {
  return [
    ...verdict.comparisons.flatMap(({ title, predictions, verdict: { passed, checks, notes } }) => [
      `${passed ? "PASSED" : "BROKEN"}  ${title}`,
      ...checks.map(({ subject, passed: ok, sentence }) => `  ${ok ? "ok    " : "BROKEN"} ${subject}: ${sentence}`),
      ...notes.map((note) => `  note   ${note}`),
      `  accuracy ${percent(predictions.trainedAccuracy)} trained, ${percent(predictions.chipAccuracy)} file`,
    ]),
    ...(verdict.numbers ? numbersText(verdict.numbers) : []),
    `${verdict.file}: ${verdict.passed ? "behaves as the network it was written from" : "does NOT behave as the network it was written from"}`,
  ].join("\n");
}

/** What float16 did behind the spikes: a line for each layer that fires, and the findings. */
function numbersText({ samples, layers, findings }: NonNullable<VerdictDocument["numbers"]>): string[] {
  const lines = layers.flatMap(({ layer, potentials }) => {
    if (!potentials) return [];
    const { threshold, lowest, highest, count, near } = potentials;
    const close = near.map((place) => `${formatShare(place.count / count)} within ${place.units}`).join(", ");
    return [`  ${layer}: potentials ${lowest} to ${highest}, threshold ${threshold}; ${close} float16 units of it`];
  });
  return [
    `Numbers behind the spikes, first ${countOf(samples, "sample")}`,
    ...lines,
    ...findings.map(({ severity, place, rule, message }) => `  ${severity} ${rule} at ${place}: ${message}`),
  ];
}
