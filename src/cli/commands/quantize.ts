/** `spikeship quantize`: makes the chip's twin of a trained network, fine-tunes it, and if wanted writes and proves the chip's file. */
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { fail } from "../../core/index.ts";
import { openDataset } from "../../data/index.ts";
import { type DeploymentTarget, targetById } from "../../exporters/index.ts";
import { layers } from "../../layers.ts";
import { loadCheckpoint } from "../../model/index.ts";
import {
  type FineTuneOutcome,
  fineTune,
  type QuantizationReport,
  writeQuantizationReport,
} from "../../quantize/index.ts";
import { wholeNumber } from "../arguments.ts";
import { addTrainingDeviceFlag, announceDevice, type DeviceFlag } from "../device.ts";
import { EXIT } from "../exit-codes.ts";
import { watchInterrupt } from "../interrupt.ts";
import { percent, printFindings, printResult } from "../output.ts";
import { createProgress } from "../progress.ts";
import { prepareNetwork, reportOf } from "../quantize/prepare.ts";
import { quantizationText } from "../quantize/report-text.ts";
import { type WrittenArtefact, writeArtefact } from "../quantize/write-file.ts";
import { configOf, targetConfigOf } from "../run-config.ts";
import { trainingDisplay } from "../training-display.ts";
import { verdictText } from "./verify.ts";

/** Enough that one flip in a thousand shows in the smallest layer. */
const VERIFY_SAMPLES = 256;

interface Options extends DeviceFlag {
  target?: string;
  output?: string;
  config?: string;
  epochs?: string;
  resume?: boolean;
  report?: boolean;
  export?: boolean;
  verify?: boolean;
  json?: boolean;
  quiet?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command("quantize")
    .argument("<target|checkpoint>", "loihi or lynxi; left out when --target names it")
    .argument("[checkpoint]", "checkpoint of a trained network")
    .description("make the twin of a network that computes with a chip's numbers, and fine-tune it")
    .option("-t, --target <target>", "loihi or lynxi, instead of the first argument")
    .option(
      "-o, --output <directory>",
      "where results go (default: a folder named after the target, beside the checkpoint's)",
    )
    .option("-c, --config <file>", "config instead of the one in the checkpoint")
    .option("--epochs <n>", "fine-tune this many epochs instead of the config's; 0 only quantizes")
    .option("--report", "measure what each layer costs, before fine-tuning, and print a table (loihi)")
    .option("--export", "also write the chip's file, into export/ beside the fine-tuned checkpoint")
    .option("--verify", "export, and prove the file against the network: no further command is needed")
    .option("--resume", "continue an interrupted fine-tuning");
  addTrainingDeviceFlag(command)
    .option("--json", "print the result as JSON")
    .option("-q, --quiet", "no progress")
    .addHelpText(
      "after",
      `
Exit code 1 when the file that --verify runs breaks the contract of its target.

Examples:
  spikeship quantize loihi runs/digits/float/checkpoint.safetensors
  spikeship quantize --target loihi runs/digits/float/checkpoint.safetensors --report --verify
  spikeship quantize loihi runs/digits/float/checkpoint.safetensors --report --epochs 0   # which layer costs what`,
    )
    .action(run);
}

/** The two ways of naming the target. */
function argumentsOf(first: string, second: string | undefined, { target }: Options): { id: string; path: string } {
  if (target === undefined && second !== undefined) return { id: first, path: second };
  if (target !== undefined && second === undefined) return { id: target, path: first };
  fail("OPTION", {
    where: "quantize",
    expected: "a target and a checkpoint",
    got: target === undefined ? `only "${first}"` : `"${target}", "${first}" and "${second}"`,
    hint: "Write: spikeship quantize loihi CHECKPOINT, or: spikeship quantize --target loihi CHECKPOINT.",
  });
}

async function run(first: string, second: string | undefined, options: Options): Promise<void> {
  const { id, path } = argumentsOf(first, second, options);
  const target = targetById(id);
  expectStudy(target, options);
  const checkpoint = loadCheckpoint(path, layers);
  const progress = createProgress(options);
  const interrupt = watchInterrupt();
  try {
    const config = configOf(path, checkpoint, options.config);
    const tuning = targetConfigOf(config, target.id);
    if (options.epochs !== undefined) tuning.training.epochs = wholeNumber("--epochs", options.epochs);
    const device = announceDevice(options.device ?? tuning.training.device, progress);
    const dataset = openDataset(config.dataset);
    const { seed } = config;
    const measure = options.report ?? false;
    const prepared = prepareNetwork(target, checkpoint.network, dataset, { tuning, seed, measure, progress });
    const directory = options.output ?? join(dirname(dirname(path)), target.id);
    try {
      const outcome = await fineTune(prepared.twin, dataset, {
        config,
        target: tuning,
        targetId: target.id,
        registry: layers,
        directory,
        device,
        resume: options.resume ?? false,
        shouldStop: interrupt.requested,
        ...trainingDisplay(progress, tuning.training.epochs),
      });
      const report = reportOf(target, tuning, prepared, outcome);
      if (report) writeQuantizationReport(directory, report);
      const into = exportDirectory(options, directory);
      const proof = options.verify ? { dataset, seed, samples: VERIFY_SAMPLES, progress } : null;
      const written = into === null ? null : await writeArtefact(target, outcome.checkpoint, into, proof);
      printResult(options.json, { ...outcome, ...(report ? { report } : {}), ...written }, () =>
        textOf(outcome, options.report ? report : null, written),
      );
      if (written?.verdict?.passed === false) process.exitCode = EXIT.brokenContract;
    } finally {
      prepared.twin.dispose();
    }
  } finally {
    progress.stop();
    interrupt.release();
    checkpoint.network.dispose();
  }
}

function expectStudy({ id, study }: DeploymentTarget, { report }: Options): void {
  if (!report || study) return;
  fail("OPTION", {
    where: `quantize --target ${id} --report`,
    expected: "a target whose layers can be quantized one by one: loihi",
    got: `"${id}"`,
    hint: "Leave --report out; verify says which layer's spikes change.",
  });
}

function exportDirectory({ export: wanted, verify }: Options, directory: string): string | null {
  return wanted || verify ? join(directory, "export") : null;
}

function textOf(outcome: FineTuneOutcome, report: QuantizationReport | null, written: WrittenArtefact | null): string {
  const after = outcome.epochs.at(-1)?.testAccuracy;
  return [
    ...(report ? [quantizationText(report), ""] : []),
    [
      `${outcome.checkpoint}: test accuracy ${percent(outcome.accuracyBefore)} after quantization`,
      ...(after === undefined ? [] : [`${percent(after)} after fine-tuning`]),
    ].join(", "),
    ...(written
      ? [`${join(written.artefact.directory, written.artefact.file)}`, ...printFindings(written.artefact)]
      : []),
    ...(written?.verdict ? [verdictText(written.verdict)] : []),
  ].join("\n");
}
