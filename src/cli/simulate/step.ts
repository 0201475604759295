/** `spikeship simulate --step`: one neuron step by step. On a terminal it waits for Enter after each step; elsewhere it prints all. */
import { createInterface } from "node:readline/promises";
import { fail } from "../../core/index.ts";
import type { ChipInput, ChipRuntime, StepWalk } from "../../exporters/index.ts";
import { wholeNumber } from "../arguments.ts";

export interface StepFlags {
  layers?: string;
  neuron?: string;
  sample?: string;
  scale?: string;
  json?: boolean;
}

/** Steps on a terminal before the names of the columns are shown again. */
const STEPS_PER_HEADER = 12;
/** slayer's and SpikingJelly's default for Lava. */
const DEFAULT_SCALE = "64";

/** @throws OPTION when no single layer was chosen, or the file's neurons cannot be followed. */
export async function followNeuron(runtime: ChipRuntime, input: ChipInput, flags: StepFlags): Promise<void> {
  const { layers, neuron = "0", sample = "0", scale = DEFAULT_SCALE } = flags;
  if (!runtime.walk) {
    fail("OPTION", { where: "--step", expected: "a .net file, whose neurons can be followed", got: runtime.file });
  }
  if (layers === undefined || layers.includes(",")) {
    fail("OPTION", {
      where: "--step",
      expected: "--layers with one layer, by path or number",
      got: layers ?? "none",
      hint: `"spikeship inspect ${runtime.file}" lists them.`,
    });
  }
  const walk = runtime.walk(input, {
    layer: layers,
    neuron: wholeNumber("--neuron", neuron),
    sample: wholeNumber("--sample", sample),
    scale: wholeNumber("--scale", scale, 1),
  });
  if (flags.json) process.stdout.write(`${JSON.stringify(walk, null, 2)}\n`);
  else if (process.stdin.isTTY && process.stdout.isTTY) await walkThrough(walk);
  else process.stdout.write(`${walkLines(walk).join("\n")}\n`);
}

/** Columns aligned to the right, so that numbers stand below each other. */
function columnWriter({ header, steps }: StepWalk): (row: readonly string[]) => string {
  const rows = [header, ...steps.flat()];
  const widths = header.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return (row) =>
    row
      .map((cell, column) => cell.padStart(widths[column]!))
      .join("  ")
      .trimEnd();
}

export function walkLines(walk: StepWalk): string[] {
  const line = columnWriter(walk);
  return [...walk.about, "", line(walk.header), ...walk.steps.flat().map(line)];
}

async function walkThrough(walk: StepWalk): Promise<void> {
  const line = columnWriter(walk);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  terminal.on("SIGINT", () => terminal.close());
  const closed = new Promise<null>((resolve) => terminal.once("close", () => resolve(null)));
  process.stdout.write(`${walk.about.join("\n")}\nEnter: next step. q: end.\n`);
  for (const [step, rows] of walk.steps.entries()) {
    if (step % STEPS_PER_HEADER === 0) process.stdout.write(`\n${line(walk.header)}\n`);
    process.stdout.write(rows.map(line).join("\n"));
    const answer = await Promise.race([terminal.question(" "), closed]);
    if (answer === null || answer.trim().toLowerCase().startsWith("q")) break;
  }
  terminal.close();
}
