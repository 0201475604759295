/** `spikeship check`: names what a chip cannot hold, before training and before export. */
import type { Command } from "commander";
import { targetById } from "../../exporters/index.ts";
import { layers } from "../../layers.ts";
import { loadCheckpoint, type Network, networkFromDescription } from "../../model/index.ts";
import { readConfig } from "../config-file.ts";
import { EXIT } from "../exit-codes.ts";
import { printFindings, printResult } from "../output.ts";

interface Options {
  target: string;
  json?: boolean;
}

export function register(program: Command): void {
  program
    .command("check")
    .argument("<file>", "config (.json) or checkpoint (.safetensors)")
    .requiredOption("-t, --target <target>", "loihi or lynxi")
    .description("apply a chip's design rules to a network")
    .option("--json", "print the findings as JSON")
    .addHelpText(
      "after",
      "\nExit code 2 when the chip cannot hold the network.\n\nExample:\n  spikeship check --target loihi examples/digits.json",
    )
    .action(run);
}

async function run(path: string, options: Options): Promise<void> {
  const target = targetById(options.target);
  const network = openNetwork(path);
  try {
    const findings = target.check(network);
    printResult(options.json, findings, () =>
      findings.length === 0 ? `${path}: nothing found` : printFindings({ findings, lossy: [] }).join("\n"),
    );
    if (findings.some((finding) => finding.severity === "error")) process.exitCode = EXIT.wrongUse;
  } finally {
    network.dispose();
  }
}

function openNetwork(path: string): Network {
  if (path.endsWith(".safetensors")) return loadCheckpoint(path, layers).network;
  const config = readConfig(path);
  return networkFromDescription(config.network, layers, config.seed);
}
