/** Where reference numbers live: `fixtures/`, or the folder that SPIKESHIP_FIXTURES names (same layout, other numbers). */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const PROJECT_ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");

const root = process.env.SPIKESHIP_FIXTURES ? resolve(process.env.SPIKESHIP_FIXTURES) : join(PROJECT_ROOT, "fixtures");

/** Path of a reference file, for example `fixture("lava_nets", "dense_if.net")`. Fails with the way out when it is missing. */
export function fixture(...parts: string[]): string {
  const path = join(root, ...parts);
  if (!existsSync(path)) {
    throw new Error(
      `${path}: expected a reference file, got none. Does SPIKESHIP_FIXTURES name a folder laid out as fixtures/?`,
    );
  }
  return path;
}
