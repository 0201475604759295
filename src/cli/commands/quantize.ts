/** `spikeship quantize`: makes the chip's twin of a trained network and fine-tunes it. */
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { openDataset } from "../../data/index.ts";
import { targetById } from "../../exporters/index.ts";
import { layers } from "../../layers.ts";
import { loadCheckpoint } from "../../model/index.ts";
import { calibrationSamples, fineTune } from "../../quantize/index.ts";
import { wholeNumber } from "../arguments.ts";
import { watchInterrupt } from "../interrupt.ts";
import { percent, printResult } from "../output.ts";
import { createProgress } from "../progress.ts";
import { configOf, targetConfigOf } from "../run-config.ts";
import { trainingDisplay } from "../training-display.ts";

interface Options {
  output?: string;
  config?: string;
  epochs?: string;
  resume?: boolean;
  json?: boolean;
  quiet?: boolean;
}

export function register(program: Command): void {
  program
    .command("quantize")
    .argument("<target>", "loihi or lynxi")
    .argument("<checkpoint>", "checkpoint of a trained network")
    .description("make the twin of a network that computes with a chip's numbers, and fine-tune it")
    .option(
      "-o, --output <directory>",
      "where results go (default: a folder named after the target, beside the checkpoint's)",
    )
    .option("-c, --config <file>", "config instead of the one in the checkpoint")
    .option("--epochs <n>", "fine-tune this many epochs instead of the config's; 0 only quantizes")
    .option("--resume", "continue an interrupted fine-tuning")
    .option("--json", "print the result as JSON")
    .option("-q, --quiet", "no progress")
    .addHelpText("after", "\nExample:\n  spikeship quantize loihi runs/digits/float/checkpoint.safetensors")
    .action(run);
}

async function run(targetId: string, path: string, options: Options): Promise<void> {
  const target = targetById(targetId);
  const checkpoint = loadCheckpoint(path, layers);
  const progress = createProgress(options);
  const interrupt = watchInterrupt();
  try {
    const config = configOf(path, checkpoint, options.config);
    const tuning = targetConfigOf(config, target.id);
    if (options.epochs !== undefined) tuning.training.epochs = wholeNumber("--epochs", options.epochs);
    const dataset = openDataset(config.dataset);
    const prepared = target.prepare(checkpoint.network, {
      options: tuning.prepare,
      calibration: calibrationSamples(dataset, tuning.calibrationSamples),
    });
    try {
      const outcome = await fineTune(prepared, dataset, {
        config,
        target: tuning,
        targetId: target.id,
        registry: layers,
        directory: options.output ?? join(dirname(dirname(path)), target.id),
        resume: options.resume ?? false,
        shouldStop: interrupt.requested,
        ...trainingDisplay(progress, tuning.training.epochs),
      });
      const after = outcome.epochs.at(-1)?.testAccuracy ?? outcome.accuracyBefore;
      printResult(
        options.json,
        outcome,
        () =>
          `${outcome.checkpoint}: test accuracy ${percent(outcome.accuracyBefore)} after quantization, ${percent(after)} after fine-tuning`,
      );
    } finally {
      prepared.dispose();
    }
  } finally {
    progress.stop();
    interrupt.release();
    checkpoint.network.dispose();
  }
}
