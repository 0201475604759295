/** `spikeship verify`: proves that an exported file behaves as the network it was written from. */
import { join } from "node:path";
import type { Command } from "commander";
import { type DatasetConfig, openDataset } from "../../data/index.ts";
import { layers } from "../../layers.ts";
import { loadCheckpoint } from "../../model/index.ts";
import type { Config } from "../../train/index.ts";
import { NETWORK_FILE, type VerdictDocument, verifyArtefact } from "../../verify/index.ts";
import { wholeNumber } from "../arguments.ts";
import { EXIT } from "../exit-codes.ts";
import { percent, printResult } from "../output.ts";
import { createProgress } from "../progress.ts";
import { configOf } from "../run-config.ts";

interface Options {
  data?: string;
  config?: string;
  samples?: string;
  json?: boolean;
  quiet?: boolean;
}

export function register(program: Command): void {
  program
    .command("verify")
    .argument("<directory>", "directory written by spikeship export")
    .description("run network and file on the same samples, compare every layer, and write verdict.json")
    .option(
      "-d, --data <digits|directory>",
      "test samples: digits, or a folder of MNIST files (default: the dataset the network was trained on)",
    )
    .option("-c, --config <file>", "config that names the dataset")
    .option("-n, --samples <n>", "how many test samples (default: all)")
    .option("--json", "print the verdict as JSON")
    .option("-q, --quiet", "no progress")
    .addHelpText(
      "after",
      "\nExit code 1 when the contract of the target is broken.\n\nExample:\n  spikeship verify out --samples 200",
    )
    .action(run);
}

async function run(directory: string, options: Options): Promise<void> {
  const { dataset: config, seed } = datasetOf(directory, options);
  const dataset = openDataset(config);
  const progress = createProgress(options);
  try {
    const { verdict } = await verifyArtefact(directory, dataset.test, layers, {
      seed,
      ...(options.samples === undefined ? {} : { samples: wholeNumber("--samples", options.samples, 1) }),
      onProgress: (done, of) => progress.update(done, of, `${done} of ${of} samples`),
    });
    printResult(options.json, verdict, () => verdictText(verdict));
    if (!verdict.passed) process.exitCode = EXIT.brokenContract;
  } finally {
    progress.stop();
  }
}

function datasetOf(directory: string, options: Options): { dataset: DatasetConfig; seed: number } {
  const { data } = options;
  const trained = trainedOn(directory, options);
  const seed = trained?.seed ?? 0;
  if (data === undefined) return { dataset: trained!.dataset, seed };
  if (data === "digits") return { dataset: { kind: "digits" }, seed };
  // rows and normalisation stay those of the training, so that a moved folder still means the same samples
  if (trained?.dataset.kind === "mnist") return { dataset: { ...trained.dataset, directory: data }, seed };
  return { dataset: { kind: "mnist", directory: data }, seed };
}

/** The config of the training; null when the network carries none and --data makes it unnecessary. */
function trainedOn(directory: string, { data, config }: Options): Config | null {
  const path = join(directory, NETWORK_FILE);
  const checkpoint = loadCheckpoint(path, layers);
  try {
    const known = config !== undefined || checkpoint.metadata.config !== undefined;
    return known || data === undefined ? configOf(path, checkpoint, config) : null;
  } finally {
    checkpoint.network.dispose();
  }
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
    `${verdict.file}: ${verdict.passed ? "behaves as the network it was written from" : "does NOT behave as the network it was written from"}`,
  ].join("\n");
}
