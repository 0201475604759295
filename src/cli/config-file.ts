/** Reads a config file and names what is wrong in it. */
import { fail, parseWith, readFileChecked } from "../core/index.ts";
import { type Config, configSchema } from "../train/index.ts";

const MAX_CONFIG_BYTES = 16 * 1024 * 1024;

/** @throws FILE when it is not JSON, OPTION naming the field that is unknown or out of range. */
export function readConfig(path: string): Config {
  const text = new TextDecoder().decode(readFileChecked(path, { maxBytes: MAX_CONFIG_BYTES }));
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    fail("FILE", {
      where: path,
      expected: "JSON",
      got: (cause as Error).message,
      hint: "spikeship schema prints what a config holds.",
    });
  }
  return parseWith(configSchema, json, path);
}
