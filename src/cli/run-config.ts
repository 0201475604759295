/** The config that a checkpoint carries, so that later steps know dataset, seed and fine-tuning without being told again. */
import { fail, parseWith } from "../core/index.ts";
import type { Checkpoint } from "../model/index.ts";
import { type Config, configSchema, type TargetConfig } from "../train/index.ts";
import { readConfig } from "./config-file.ts";

/** The config given on the command line, or the one in the checkpoint. @throws OPTION when there is neither. */
export function configOf(path: string, checkpoint: Checkpoint, configPath: string | undefined): Config {
  if (configPath !== undefined) return readConfig(configPath);
  if (checkpoint.metadata.config === undefined) {
    fail("OPTION", {
      where: path,
      expected: "a checkpoint that carries its config",
      got: "none",
      hint: "Name the config with --config.",
    });
  }
  return parseWith(configSchema, checkpoint.metadata.config, `${path}: config`, "FILE");
}

/** How a config fine-tunes for a target; without an entry, three epochs at a tenth of the learning rate. */
export function targetConfigOf(config: Config, target: string): TargetConfig {
  const given = config.targets[target];
  if (given) return given;
  const { optimizer } = config.training;
  return {
    training: {
      ...config.training,
      epochs: 3,
      optimizer: { ...optimizer, learningRate: optimizer.learningRate / 10 },
      schedule: { kind: "constant", warmup: 0, warmupStart: 0.1 },
    },
    prepare: {},
    calibrationSamples: 64,
  };
}
