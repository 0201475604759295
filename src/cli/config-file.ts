/** Reads a config file and names what is wrong in it. */
import { z } from "zod";
import { parseWith, readJson, SpikeshipError } from "../core/index.ts";
import type { DatasetConfig } from "../data/index.ts";
import { deploymentTargets } from "../exporters/index.ts";
import { layers } from "../layers.ts";
import { type Network, networkFromDescription } from "../model/index.ts";
import { type Config, configSchema } from "../train/index.ts";

const MAX_CONFIG_BYTES = 16 * 1024 * 1024;

/** @throws FILE when it is not JSON, OPTION naming the field that is unknown or out of range. */
export function readConfig(path: string): Config {
  return parseConfig(path, readConfigJson(path));
}

/** The network of a config, or of a file that describes a network alone. Errors as `readConfig`. */
export function readNetwork(path: string): { network: unknown; seed: number; dataset?: DatasetConfig } {
  const json = readConfigJson(path);
  const alone = json !== null && typeof json === "object" && "root" in json;
  return alone ? { network: json, seed: 0 } : parseConfig(path, json);
}

/** The network that a config file describes. Errors name the file. @throws OPTION, SHAPE and whatever its layers refuse */
export function networkOfConfig(path: string, description: unknown, seed: number): Network {
  try {
    return networkFromDescription(description, layers, seed);
  } catch (error) {
    if (!(error instanceof SpikeshipError)) throw error;
    throw new SpikeshipError(error.code, { ...error.facts, where: `${path}: ${error.facts.where}`, cause: error });
  }
}

/** A config's schema knows no chips; which there are is known here. */
const targetNamesSchema = z.looseObject({
  targets: z
    .strictObject(Object.fromEntries(deploymentTargets.map(({ id }) => [id, z.unknown().optional()])))
    .optional(),
});

function parseConfig(path: string, json: unknown): Config {
  parseWith(targetNamesSchema, json, path);
  return parseWith(configSchema, json, path);
}

const readConfigJson = (path: string): unknown =>
  readJson(path, { maxBytes: MAX_CONFIG_BYTES, hint: "spikeship schema prints what a config holds." });
