/** `spikeship simulate`: runs a chip's file on NumPy arrays, as the chip would. */
import { join } from "node:path";
import type { Command } from "commander";
import { ensureDirectory, fail, formatShape } from "../../core/index.ts";
import { readNpy, writeNpy } from "../../data/index.ts";
import {
  arrangeInput,
  arrangeTrace,
  type ChipRun,
  type LayerTrace,
  type NumberArray,
  targetForFile,
} from "../../exporters/index.ts";
import { wholeNumber } from "../arguments.ts";
import { printResult } from "../output.ts";
import { createProgress } from "../progress.ts";

interface Options {
  input: string;
  output: string;
  steps?: string;
  layerSpikes?: string;
  float32?: boolean;
  json?: boolean;
  quiet?: boolean;
}

export function register(program: Command): void {
  program
    .command("simulate")
    .argument("<file>", "FILE.net (Loihi) or FILE.onnx (Lynxi)")
    .requiredOption(
      "-i, --input <file.npy>",
      "sequences [T, ...] or [N, T, ...], or images [N, ...] where the file takes images; C,H,W order or flat",
    )
    .requiredOption(
      "-o, --output <file.npy>",
      "where the result goes: [T, F] or [N, T, F] (Loihi, latency removed), rates [F] or [N, F] (Lynxi)",
    )
    .option(
      "-T, --steps <n>",
      "run this many steps: cuts the input, or lets silence follow (default: all of the input); a file with a fixed number of steps takes only that",
    )
    .option("--layer-spikes <directory>", "also write the spikes of every layer, one .npy each")
    .option("--float32", "run the graph in float32, without the chip's rounding")
    .option("--json", "print a summary as JSON")
    .option("-q, --quiet", "no progress")
    .addHelpText(
      "after",
      "\nExamples:\n  spikeship simulate network.net --input spikes.npy --output out.npy\n  spikeship simulate graph.onnx --input images.npy --output rates.npy --layer-spikes spikes/",
    )
    .action(run);
}

async function run(file: string, options: Options): Promise<void> {
  const array = readInput(options.input);
  const steps = options.steps === undefined ? undefined : wholeNumber("--steps", options.steps, 1);
  const runtime = await targetForFile(file).open(file);
  const progress = createProgress(options);
  try {
    const { input, batched } = arrangeInput(array, runtime, steps, options.input);
    if (options.layerSpikes !== undefined) ensureDirectory(options.layerSpikes);
    const result = await runtime.run(input, {
      layers: options.layerSpikes !== undefined,
      mode: options.float32 ? "float32" : "chip",
      onProgress: (done, of) => progress.update(done, of, `${done} of ${of} samples`),
    });
    progress.stop();
    const output = outputArray(result, batched);
    writeArray(options.output, output, result.output !== null);
    const layers = result.layers.map((trace) => layerFile(trace, options.layerSpikes ?? "", batched));
    const { shape } = output;
    printResult(options.json, { file, output: options.output, shape, layers, events: result.events }, () =>
      [
        `${options.output}: ${formatShape(shape)}`,
        ...layers.map(({ layer, spikes, path }) => `  ${layer}: ${spikes} spikes  ${path}`),
        ...result.events.map((event) => `  ${event.severity}: ${event.place}: ${event.message}`),
      ].join("\n"),
    );
  } finally {
    progress.stop();
    runtime.close();
  }
}

/** @throws VALUE for what is not finite: no chip knows such numbers. */
function readInput(path: string): NumberArray {
  const { shape, data } = readNpy(path);
  const unfit = data.findIndex((value) => !Number.isFinite(value));
  if (unfit >= 0) {
    fail("VALUE", { where: `${path}: element ${unfit}`, expected: "finite numbers", got: `${data[unfit]}` });
  }
  return { shape, data: Float32Array.from(data) };
}

/** The output sequence where the chip gives one, else its rates. */
function outputArray(result: ChipRun, batched: boolean): NumberArray {
  if (result.output) return arrangeTrace(result.output, batched);
  const { rates, samples } = result;
  return { data: rates, shape: batched ? [samples, rates.length / samples] : [rates.length] };
}

/** Writes the spikes of one layer. */
function layerFile(trace: LayerTrace, directory: string, batched: boolean) {
  const path = join(directory, `${trace.layer.replace(/[^\w.-]/g, "_")}.npy`);
  writeArray(path, arrangeTrace(trace, batched), true);
  return {
    layer: trace.layer,
    spikes: countSpikes(trace.data),
    path,
  };
}

function countSpikes(data: ArrayLike<number>): number {
  let count = 0;
  for (let i = 0; i < data.length; i++) if (data[i] !== 0) count++;
  return count;
}

/** Spikes and other whole numbers as the smallest integer type, rates as float32. */
function writeArray(path: string, { shape, data }: NumberArray, whole: boolean): void {
  if (!whole) writeNpy(path, { dtype: "float32", shape, data });
  else if (data.every((value) => value >= 0 && value <= 255)) {
    writeNpy(path, { dtype: "uint8", shape, data: Uint8Array.from(data) });
  } else writeNpy(path, { dtype: "int32", shape, data: Int32Array.from(data) });
}
