/** `spikeship export`: writes a chip's file, its manifest and its scripts. */
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { openDataset } from "../../data/index.ts";
import { targetById } from "../../exporters/index.ts";
import { layers } from "../../layers.ts";
import { loadCheckpoint, type Network } from "../../model/index.ts";
import {
  calibrationSamples,
  type QuantizationReport,
  quantizationReport,
  writeQuantizationReport,
} from "../../quantize/index.ts";
import { collectPair, optionPairs } from "../arguments.ts";
import { exportArtefact } from "../export-artefact.ts";
import { printFindings, printResult } from "../output.ts";
import { quantizationText } from "../quantize/report-text.ts";
import { configOf, targetConfigOf } from "../run-config.ts";

interface Options {
  output?: string;
  style?: string;
  graphType?: string;
  option?: string[];
  json?: boolean;
}

export function register(program: Command): void {
  program
    .command("export")
    .argument("<target>", "loihi or lynxi")
    .argument("<checkpoint>", "checkpoint of a quantized network (a trained one is quantized on the way)")
    .description("write the chip's file, a manifest with hashes, and the scripts that compile or run it there")
    .option("-o, --output <directory>", "where the files go (default: export/ beside the checkpoint)")
    .option("--option <name=value>", "option of the target, such as dtype=float16; may be repeated", collectPair)
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
  let report: QuantizationReport | null = null;
  try {
    if (!target.isPrepared(prepared)) {
      ({ prepared, report } = quantized());
      process.stderr.write(`${path} was not quantized for ${target.title}: quantized now, without fine-tuning.\n`);
    }
    const artefact = await exportArtefact(target, prepared, directory, checkpoint.metadata, {
      ...optionPairs(options.option),
      ...(options.style === undefined ? {} : { style: options.style }),
      ...(options.graphType === undefined ? {} : { dtype: options.graphType }),
    });
    if (report) writeQuantizationReport(directory, report);
    printResult(options.json, artefact, () =>
      [
        ...(report ? [quantizationText(report), ""] : []),
        ...artefact.files.map((f) => `${join(directory, f.path)}  ${f.bytes} bytes  ${f.sha256}`),
        ...printFindings(artefact),
      ].join("\n"),
    );
  } finally {
    if (prepared !== checkpoint.network) prepared.dispose();
    checkpoint.network.dispose();
  }

  /** The twin without fine-tuning, and what became of the numbers, where the target says it. */
  function quantized(): { prepared: Network; report: QuantizationReport | null } {
    const { network, metadata } = checkpoint;
    const config = metadata.config === undefined ? null : configOf(path, checkpoint, undefined);
    const tuning = config && targetConfigOf(config, target.id);
    const facts = { options: tuning?.prepare ?? {}, calibrationSamples: tuning?.calibrationSamples ?? 0 };
    const calibration = config && calibrationSamples(openDataset(config.dataset), facts.calibrationSamples);
    const wish = { options: facts.options, ...(calibration ? { calibration } : {}) };
    const study = target.study?.(network, wish);
    if (!study) return { prepared: target.prepare(network, wish), report: null };
    study.dispose();
    const unmeasured = { sensitivity: null, trained: null, quantized: null, fineTuned: null };
    return {
      prepared: study.twin,
      report: quantizationReport({ target: target.id, ...facts, study, ...unmeasured }),
    };
  }
}
