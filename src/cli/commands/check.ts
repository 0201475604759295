/** `spikeship check`: names what a chip cannot hold, in a network or in a chip's file, and applies the legal rewrites to a file. */
import type { Command } from "commander";
import { fail, writeFileAtomic } from "../../core/index.ts";
import { type DatasetConfig, openDataset } from "../../data/index.ts";
import { type DeploymentTarget, type FileChange, type InputSamples, targetById } from "../../exporters/index.ts";
import { layers } from "../../layers.ts";
import { loadCheckpoint, type Network } from "../../model/index.ts";
import { calibrationSamples } from "../../quantize/index.ts";
import { collectPair, optionPairs, wholeNumber } from "../arguments.ts";
import { networkOfConfig, readNetwork } from "../config-file.ts";
import { EXIT } from "../exit-codes.ts";
import { chipFile } from "../folder.ts";
import { printFindings, printResult } from "../output.ts";
import { configOf } from "../run-config.ts";

interface Options {
  target: string;
  option?: string[];
  fix?: string;
  samples?: string;
  json?: boolean;
}

export function register(program: Command): void {
  program
    .command("check")
    .argument("<file>", "config (.json), checkpoint (.safetensors), a chip's file, or an exported folder")
    .requiredOption("-t, --target <target>", "loihi or lynxi")
    .description("apply a chip's design rules to a network or to a file of that chip")
    .option("--option <name=value>", "what a file does not say, such as steps=4; may be repeated", collectPair)
    .option("--fix <output>", "write a copy of the chip's file with every legal rewrite applied, and check that")
    .option("-n, --samples <n>", "also run a network on so many training samples and look at the registers (loihi)")
    .option("--json", "print the findings as JSON")
    .addHelpText(
      "after",
      `
Exit code 2 when the chip cannot hold the network or take the file.
Options of lynxi files: steps, style (whole-sequence, single-step), ioType (float16, float32), lowestPotential.

Examples:
  spikeship check --target loihi examples/digits.json
  spikeship check --target loihi runs/digits/loihi/checkpoint.safetensors --samples 100
  spikeship check --target lynxi model.onnx --option steps=4
  spikeship check --target lynxi model.onnx --fix fixed.onnx`,
    )
    .action(run);
}

async function run(path: string, options: Options): Promise<void> {
  const target = targetById(options.target);
  const network = /\.(safetensors|json)$/i.test(path);
  if (network) return checkNetwork(path, target, options);
  if (options.samples !== undefined) {
    fail("OPTION", {
      where: "--samples",
      expected: "a config or a checkpoint",
      got: `"${path}"`,
      hint: "`verify` runs files.",
    });
  }
  const file = chipFile(path);
  return options.fix === undefined ? checkFile(file, target, options) : fixFile(file, options.fix, target, options);
}

function checkNetwork(path: string, target: DeploymentTarget, options: Options): void {
  if (options.fix !== undefined || options.option !== undefined) {
    const got = options.fix === undefined ? "--option" : "--fix";
    fail("OPTION", {
      where: path,
      expected: "no options for files of a chip",
      got,
      hint: "Networks are fitted by quantize.",
    });
  }
  const { network, dataset } = openNetwork(path);
  const count = options.samples === undefined ? 0 : wholeNumber("--samples", options.samples, 1);
  try {
    report(path, count === 0 ? target.check(network) : target.check(network, samplesOf(path, dataset, count)), options);
  } finally {
    network.dispose();
  }
}

async function checkFile(path: string, target: DeploymentTarget, options: Options): Promise<void> {
  if (!target.checkFile) failNoFileRules(path, target);
  report(path, await target.checkFile(path, optionPairs(options.option)), options);
}

async function fixFile(path: string, output: string, target: DeploymentTarget, options: Options): Promise<void> {
  if (!target.fixFile) {
    fail("OPTION", {
      where: `check --target ${target.id} --fix`,
      expected: "a chip whose files have legal rewrites",
      got: `"${target.id}"`,
      hint: "Export the network again instead.",
    });
  }
  const { bytes, changes, findings } = await target.fixFile(path, optionPairs(options.option));
  writeFileAtomic(output, bytes);
  printResult(options.json, { output, changes, findings }, () =>
    [...changes.map(changeLine), ...printFindings({ findings, lossy: [] }), `${output}: ${bytes.length} bytes`].join(
      "\n",
    ),
  );
  endWith(findings);
}

function changeLine({ rule, place, what, exact, allowance, count, largestChange }: FileChange): string {
  const numbers =
    largestChange > 0 ? ` (${count} numbers, by at most ${largestChange})` : count > 1 ? ` (${count})` : "";
  return `changed: ${rule} at ${place}: ${what}${numbers}${exact ? "" : `; ${allowance}`}`;
}

function failNoFileRules(path: string, { id }: DeploymentTarget): never {
  fail("OPTION", {
    where: `check --target ${id}`,
    expected: "a config (.json) or a checkpoint (.safetensors)",
    got: `"${path}"`,
    hint: "This chip's rules judge networks.",
  });
}

type Findings = ReturnType<DeploymentTarget["check"]>;

function report(path: string, findings: Findings, { json }: Options): void {
  printResult(json, findings, () =>
    findings.length === 0 ? `${path}: nothing found` : printFindings({ findings, lossy: [] }).join("\n"),
  );
  endWith(findings);
}

function endWith(findings: Findings): void {
  if (findings.some((finding) => finding.severity === "error")) process.exitCode = EXIT.wrongUse;
}

/** A network and the dataset it is trained on, where the file names one. */
interface Opened {
  network: Network;
  dataset: DatasetConfig | null;
}

function openNetwork(path: string): Opened {
  if (path.endsWith(".safetensors")) {
    const checkpoint = loadCheckpoint(path, layers);
    const known = checkpoint.metadata.config !== undefined;
    return { network: checkpoint.network, dataset: known ? configOf(path, checkpoint, undefined).dataset : null };
  }
  const { network, seed, dataset } = readNetwork(path);
  return { network: networkOfConfig(path, network, seed), dataset: dataset ?? null };
}

function samplesOf(path: string, dataset: DatasetConfig | null, count: number): InputSamples {
  if (dataset) return calibrationSamples(openDataset(dataset), count);
  fail("OPTION", {
    where: `check ${path} --samples`,
    expected: "a config, or a checkpoint that carries one",
    got: "a network alone",
    hint: "Only a config names the samples.",
  });
}
