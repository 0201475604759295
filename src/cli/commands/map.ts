/** `spikeship map`: where a file's layers go on the chip, and what a run costs there. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { fail } from "../../core/index.ts";
import { type ChipInput, type DeploymentTarget, targetForFile } from "../../exporters/index.ts";
import { NETWORK_FILE } from "../../verify/index.ts";
import { wholeNumber } from "../arguments.ts";
import { chipFile } from "../folder.ts";
import { printInspection } from "../inspect/print.ts";
import { arrayInputs, datasetInputs } from "../map/inputs.ts";
import { printResult } from "../output.ts";
import { createProgress, type Progress } from "../progress.ts";

interface Options {
  data?: string;
  config?: string;
  samples?: string;
  json?: boolean;
  quiet?: boolean;
}

export function register(program: Command): void {
  program
    .command("map")
    .argument("<file>", "FILE.net (Loihi), or a directory written by spikeship export")
    .description("show cores, memory, axons and chips that a file needs, and count spikes and operations on real data")
    .option(
      "-d, --data <samples>",
      "count on these: a .npy file of spikes [T, ...] or [N, T, ...]; or digits or a folder of MNIST files, through the encoder of the network beside the file",
    )
    .option("-c, --config <file>", "config that names the dataset")
    .option("-n, --samples <n>", "how many samples (default: all); without --data those of the training's dataset")
    .option("--json", "print everything as JSON")
    .option("-q, --quiet", "no progress")
    .addHelpText(
      "after",
      "\nExamples:\n  spikeship map network.net\n  spikeship map network.net --data spikes.npy\n  spikeship map runs/demo/loihi/export --samples 100 --json",
    )
    .action(run);
}

async function run(path: string, options: Options): Promise<void> {
  const file = chipFile(path);
  const target = targetForFile(file);
  if (!target.map) {
    fail("OPTION", {
      where: path,
      expected: "a file of a chip whose cores are known",
      got: target.title,
      hint: "Only .net files (Loihi) can be mapped.",
    });
  }
  const progress = createProgress(options);
  try {
    const mapping = await target.map(file, await inputsOf(file, target, options, progress));
    progress.stop();
    const { format, facts } = mapping;
    printResult(options.json, { path: file, format, ...facts }, () => printInspection(file, mapping));
  } finally {
    progress.stop();
  }
}

/** Nothing is run unless samples are asked for. */
async function inputsOf(
  file: string,
  target: DeploymentTarget,
  { data, config, samples: text }: Options,
  progress: Progress,
): Promise<Iterable<ChipInput>> {
  const samples = text === undefined ? undefined : wholeNumber("--samples", text, 1);
  if (data?.endsWith(".npy")) {
    const runtime = await target.open(file);
    try {
      return arrayInputs(data, runtime, samples);
    } finally {
      runtime.close();
    }
  }
  if (data === undefined && config === undefined && samples === undefined) return [];
  const directory = dirname(file);
  if (!existsSync(join(directory, NETWORK_FILE))) {
    fail("OPTION", {
      where: "--data",
      expected: "spikes as a .npy file",
      got: data === undefined ? "none" : `"${data}"`,
      hint: "A dataset needs the network of an exported directory, which says how samples become spikes.",
    });
  }
  const choice = { ...(data === undefined ? {} : { data }), ...(config === undefined ? {} : { config }) };
  return datasetInputs(directory, choice, samples, (done, of) => progress.update(done, of, `${done} of ${of} samples`));
}
