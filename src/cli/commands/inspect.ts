/** `spikeship inspect`: shows what a file holds. */
import type { Command } from "commander";
import { inspectFile } from "../inspect/open.ts";
import { printInspection } from "../inspect/print.ts";
import { printResult } from "../output.ts";

export function register(program: Command): void {
  program
    .command("inspect")
    .argument("<file>", "network.net, graph.onnx, .safetensors, .pt, .npy, IDX (also .gz), or JSON of this program")
    .description("show what a file holds: layers, shapes, numbers, settings")
    .option("--json", "print everything as JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  spikeship inspect runs/demo/loihi/export/network.net\n  spikeship inspect examples/digits.json\n  spikeship inspect checkpoint.pt --json",
    )
    .action(async (path: string, options: { json?: boolean }) => {
      const inspection = await inspectFile(path);
      const { format, facts } = inspection;
      printResult(options.json, { path, format, ...facts }, () => printInspection(path, inspection));
    });
}
