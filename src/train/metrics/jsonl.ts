/** Metrics as JSON lines: one object a line, appended. It draws nothing and computes nothing. */
import { closeSync, existsSync, openSync, writeSync } from "node:fs";
import { fail, readFileChecked, reportingWrites, writeFileAtomic } from "../../core/index.ts";

/** One line: the epoch and whatever numbers belong to it. */
export type MetricsLine<R> = R & { epoch: number } & { [K in keyof R]: number };

export class MetricsLog {
  readonly #file: number;

  /**
   * Opens a file for appending. Lines of epochs after `afterEpoch` are dropped (0: begin anew), and so is a last line that a killed
   * run left unfinished. @throws WRITE, and FILE when an earlier line is not ours
   */
  constructor(
    readonly path: string,
    afterEpoch = 0,
  ) {
    const kept = existsSync(path) && afterEpoch > 0 ? linesUpTo(path, afterEpoch) : [];
    writeFileAtomic(path, kept.map((line) => `${line}\n`).join(""));
    this.#file = reportingWrites(path, () => openSync(path, "a"));
  }

  /** Adds a line; it is in the file when this returns. @throws VALUE for a number that JSON cannot hold */
  append<R>(line: MetricsLine<R>): void {
    for (const [name, value] of Object.entries(line)) {
      if (!Number.isFinite(value)) {
        fail("VALUE", { where: `metric "${name}"`, expected: "a finite number", got: `${value}` });
      }
    }
    reportingWrites(this.path, () => writeSync(this.#file, `${JSON.stringify(line)}\n`));
  }

  close(): void {
    closeSync(this.#file);
  }
}

function linesUpTo(path: string, epoch: number): string[] {
  const text = new TextDecoder().decode(readFileChecked(path));
  const lines = text.split("\n");
  // What follows the last line feed is empty, or a line that was never finished.
  lines.pop();
  return lines.filter((line, i) => epochOf(path, line, i) <= epoch);
}

function epochOf(path: string, line: string, index: number): number {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    value = null;
  }
  const epoch = (value as { epoch?: unknown } | null)?.epoch;
  if (typeof epoch === "number") return epoch;
  return fail("FILE", {
    where: `${path}: line ${index + 1}`,
    expected: "a JSON object with an epoch",
    got: line.slice(0, 40),
    hint: "Move the file away; a new one is written.",
  });
}
