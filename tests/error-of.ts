/** The Spikeship error that an action throws, for tests of messages; and a folder that goes away with the test file. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { SpikeshipError } from "../src/core/index.ts";

/** Fails the test when the action succeeds; lets every other kind of error through. */
export function errorOf(action: () => unknown): SpikeshipError {
  try {
    action();
  } catch (error) {
    if (error instanceof SpikeshipError) return error;
    throw error;
  }
  throw new Error("expected the action to fail");
}

/** A new folder for the files of one test file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "spikeship-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
