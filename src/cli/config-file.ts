/** Reads a config file and names what is wrong in it. */
import { fail, parseWith, readFileChecked } from "../core/index.ts";
import type { DatasetConfig } from "../data/index.ts";
import { type Config, configSchema } from "../train/index.ts";

const MAX_CONFIG_BYTES = 16 * 1024 * 1024;

/** @throws FILE when it is not JSON, OPTION naming the field that is unknown or out of range. */
export function readConfig(path: string): Config {
  return parseWith(configSchema, readJson(path), path);
}

/** The network of a config, or of a file that describes a network alone. Errors as `readConfig`. */
export function readNetwork(path: string): { network: unknown; seed: number; dataset?: DatasetConfig } {
  const json = readJson(path);
  const alone = json !== null && typeof json === "object" && "root" in json;
  return alone ? { network: json, seed: 0 } : parseWith(configSchema, json, path);
}

function readJson(path: string): unknown {
  const text = new TextDecoder().decode(readFileChecked(path, { maxBytes: MAX_CONFIG_BYTES }));
  try {
    return JSON.parse(text);
  } catch (cause) {
    fail("FILE", {
      where: path,
      expected: "JSON",
      got: (cause as Error).message,
      hint: "spikeship schema prints what a config holds.",
    });
  }
}
