/** `spikeship simulate`: runs a chip's file on NumPy arrays, as the chip would. */
import { join } from "node:path";
import type { Command } from "commander";
import { ensureDirectory, fail } from "../../core/index.ts";
import { readNpy, writeNpy } from "../../data/index.ts";
import { arrangeInput, arrangeTrace, type ChipRun, type NumberArray, targetForFile } from "../../exporters/index.ts";
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
    .requiredOption("-i, --input <file.npy>", "sequences [T, ...] or [N, T, ...], or images [N, ...] where the file takes images; C,H,W order or flat")
    .requiredOption("-o, --output <file.npy>", "where the result goes: [T, F] or [N, T, F] (Loihi, latency removed), rates [F] or [N, F] (Lynxi)")
    .option("-T, --steps <n>", "run this many steps: cuts the input, or lets silence follow (default: all of the input)")
    .option("--layer-spikes <directory>", "also write the spikes of every layer, one .npy each")
    .option("--float32", "run the graph in float32, without the chip's rounding")
    .option("--json", "print a summary as JSON")
    .option("-q, --quiet", "no progress")
    .addHelpText("after", "\nExamples:\n  spikeship simulate network.net --input spikes.npy --output out.npy\n  spikeship simulate graph.onnx --input images.npy --output rates.npy --layer-spikes spikes/")
    .action(run);
}

async function run(file: string, options: Options): Promise<void> {
  const source = readNpy(options.input);
  const array: NumberArray = { shape: source.shape, data: Float32Array.from(source.data) };
  const unfit = array.data.findIndex((value) => !Number.isFinite(value));
  if (unfit >= 0) fail("VALUE", { where: `${options.input}: element ${unfit}`, expected: "finite numbers", got: `${array.data[unfit]}` });
  const steps = options.steps === undefined ? undefined : wholeNumber("--steps", options.steps, 1);
  const runtime = await targetForFile(file).open(file);
  const progress = createProgress(options);
  try {
    const { input, batched } = arrangeInput(array, runtime, steps, options.input);
    const result = await runtime.run(input, {
      layers: options.layerSpikes !== undefined,
      mode: options.float32 ? "float32" : "chip",
      onProgress: (done, of) => progress.update(done, of, `${done} of ${of} samples`),
    });
    const output = outputArray(result, batched);
    writeFloats(options.output, output, result.output !== null);
    if (options.layerSpikes !== undefined) {
      ensureDirectory(options.layerSpikes);
      for (const layer of result.layers) {
        writeFloats(join(options.layerSpikes, `${layer.layer.replace(/[^\w.-]/g, "_")}.npy`), arrangeTrace(layer, batched), true);
      }
    }
    const layers = result.layers.map(({ layer, data }) => ({ layer, spikes: countSpikes(data) }));
    printResult(options.json, { file, output: options.output, shape: output.shape, layers, events: result.events }, () =>
      [
        `${options.output}: [${output.shape.join(", ")}]`,
        ...layers.map(({ layer, spikes }) => `  ${layer}: ${spikes} spikes`),
        ...result.events.map((event) => `  ${event.severity}: ${event.place}: ${event.message}`),
      ].join("\n"),
    );
  } finally {
    progress.stop();
    runtime.close();
  }
}

function countSpikes(data: ArrayLike<number>): number {
  let count = 0;
  for (let i = 0; i < data.length; i++) if (data[i] !== 0) count++;
  return count;
}

/** The output sequence where the chip gives one, else its rates. */
function outputArray(result: ChipRun, batched: boolean): NumberArray {
  if (result.output) return arrangeTrace(result.output, batched);
  const { rates, samples } = result;
  return { data: rates, shape: batched ? [samples, rates.length / samples] : [rates.length] };
}

/** Spikes and other whole numbers as the smallest integer type, rates as float32. */
function writeFloats(path: string, array: NumberArray, whole: boolean): void {
  if (!whole) return writeNpy(path, { dtype: "float32", ...array });
  const bytes = array.data.every((value) => value >= 0 && value <= 255);
  writeNpy(path, bytes ? { dtype: "uint8", shape: array.shape, data: Uint8Array.from(array.data) } : { dtype: "int32", shape: array.shape, data: Int32Array.from(array.data) });
}
