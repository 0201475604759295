/** `spikeship train`: trains the network of a config. */
import { join } from "node:path";
import type { Command } from "commander";
import { openDataset } from "../../data/index.ts";
import { layers } from "../../layers.ts";
import { trainInDirectory } from "../../train/index.ts";
import { wholeNumber } from "../arguments.ts";
import { networkOfConfig, readConfig } from "../config-file.ts";
import { addTrainingDeviceFlag, announceDevice, type DeviceFlag } from "../device.ts";
import { watchInterrupt } from "../interrupt.ts";
import { percent, printResult } from "../output.ts";
import { createProgress } from "../progress.ts";
import { trainingDisplay } from "../training-display.ts";

interface Options extends DeviceFlag {
  output?: string;
  resume?: boolean;
  epochs?: string;
  json?: boolean;
  quiet?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command("train")
    .argument("<config>", "JSON config (spikeship schema prints its fields)")
    .description("train the network of a config and keep checkpoint, metrics and TensorBoard events")
    .option("-o, --output <directory>", "where results go (default: runs/NAME/float)")
    .option("--resume", "continue where an earlier run of the same directory stopped, bit for bit")
    .option("--epochs <n>", "train this many epochs instead of the config's");
  addTrainingDeviceFlag(command)
    .option("--json", "print the result as JSON")
    .option("-q, --quiet", "no progress")
    .addHelpText(
      "after",
      "\nExamples:\n  spikeship train examples/digits.json\n  spikeship train examples/digits.json --resume",
    )
    .action(run);
}

async function run(configPath: string, options: Options): Promise<void> {
  const config = readConfig(configPath);
  if (options.epochs !== undefined) config.training.epochs = wholeNumber("--epochs", options.epochs);
  const directory = options.output ?? join("runs", config.name, "float");
  const dataset = openDataset(config.dataset);
  const network = networkOfConfig(configPath, config.network, config.seed);
  const progress = createProgress(options);
  const interrupt = watchInterrupt();
  try {
    const device = announceDevice(options.device ?? config.training.device, progress);
    const outcome = await trainInDirectory(network, dataset, {
      training: config.training,
      seed: config.seed,
      directory,
      device,
      resume: options.resume ?? false,
      registry: layers,
      metadata: { config },
      shouldStop: interrupt.requested,
      ...trainingDisplay(progress, config.training.epochs),
    });
    const last = outcome.epochs.at(-1);
    printResult(options.json, { checkpoint: outcome.checkpoint, epochs: outcome.epochs }, () =>
      last ? `${outcome.checkpoint}: test accuracy ${percent(last.testAccuracy)}` : outcome.checkpoint,
    );
  } finally {
    progress.stop();
    interrupt.release();
    network.dispose();
  }
}
