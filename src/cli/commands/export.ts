/** `spikeship export`: writes a chip's file, its manifest and its scripts. */
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { openDataset } from "../../data/index.ts";
import { targetById } from "../../exporters/index.ts";
import { layers } from "../../layers.ts";
import { type Checkpoint, loadCheckpoint, type Network, saveCheckpoint } from "../../model/index.ts";
import { calibrationSamples } from "../../quantize/index.ts";
import { NETWORK_FILE } from "../../verify/index.ts";
import { collectPair, optionPairs } from "../arguments.ts";
import { printFindings, printResult } from "../output.ts";
import { configOf, targetConfigOf } from "../run-config.ts";

interface Options {
  output?: string;
  style?: string;
  graphType?: string;
  option: string[];
  json?: boolean;
}

export function register(program: Command): void {
  program
    .command("export")
    .argument("<target>", "loihi or lynxi")
    .argument("<checkpoint>", "checkpoint of a quantized network (a trained one is quantized on the way)")
    .description("write the chip's file, a manifest with hashes, and the scripts that compile or run it there")
    .option("-o, --output <directory>", "where the files go (default: export/ beside the checkpoint)")
    .option("--option <name=value>", "option of the target, such as dtype=float16; may be repeated", collectPair, [])
    .option(
      "--style <style>",
      "lynxi: how the network is laid out in time: whole-sequence (W, the default), single-step (S-onnx), single-step-torch (S-torch)",
    )
    .option(
      "--graph-type <type>",
      "lynxi: how values are typed in the graph: float32 (the default; every stored number is a float16) or float16",
    )
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      `
Examples:
  spikeship export loihi runs/digits/loihi/checkpoint.safetensors -o out
  spikeship export lynxi runs/digits/lynxi/checkpoint.safetensors -o out
  spikeship export lynxi runs/digits/lynxi/checkpoint.safetensors -o out --style single-step`,
    )
    .action(run);
}

async function run(targetId: string, path: string, options: Options): Promise<void> {
  const target = targetById(targetId);
  const directory = options.output ?? join(dirname(path), "export");
  const checkpoint = loadCheckpoint(path, layers);
  let prepared: Network = checkpoint.network;
  try {
    if (!target.isPrepared(prepared)) {
      prepared = quantized();
      process.stderr.write(`${path} was not quantized for ${target.title}: quantized now, without fine-tuning.\n`);
    }
    const artefact = await target.export(prepared, directory, {
      ...optionPairs(options.option),
      ...(options.style === undefined ? {} : { style: options.style }),
      ...(options.graphType === undefined ? {} : { dtype: options.graphType }),
    });
    saveCheckpoint(join(directory, NETWORK_FILE), prepared, new Map(), originOf(checkpoint));
    printResult(options.json, artefact, () =>
      [
        ...artefact.files.map((f) => `${join(directory, f.path)}  ${f.bytes} bytes  ${f.sha256}`),
        ...printFindings(artefact),
      ].join("\n"),
    );
  } finally {
    if (prepared !== checkpoint.network) prepared.dispose();
    checkpoint.network.dispose();
  }

  function quantized(): Network {
    if (checkpoint.metadata.config === undefined) return target.prepare(checkpoint.network, {});
    const config = configOf(path, checkpoint, undefined);
    const tuning = targetConfigOf(config, target.id);
    const calibration = calibrationSamples(openDataset(config.dataset), tuning.calibrationSamples);
    return target.prepare(checkpoint.network, { options: tuning.prepare, calibration });
  }
}

/** What verification needs of a checkpoint's metadata: not the state of the training. */
function originOf({ metadata: { config, target } }: Checkpoint): Record<string, unknown> {
  return { ...(config === undefined ? {} : { config }), ...(target === undefined ? {} : { target }) };
}
