/** `spikeship simulate`: runs a chip's file on NumPy arrays, as the chip would. */
import type { Command } from "commander";
import { ensureDirectory, fail, formatShape } from "../../core/index.ts";
import { arrangeInput, arrangeTrace, type ChipRun, type ChipRuntime, targetForFile } from "../../exporters/index.ts";
import { wholeNumber } from "../arguments.ts";
import { addDeviceFlag, type DeviceFlag, useDevice } from "../device.ts";
import { printResult } from "../output.ts";
import { createProgress } from "../progress.ts";
import { readInput, writeRates, writeWhole } from "../simulate/arrays.ts";
import { addLoaderFlags, type LoaderFlags, loaderOptions } from "../simulate/loader.ts";
import { describeRecorded, type Recording, recordKinds, writeRecording } from "../simulate/record.ts";
import { followNeuron, type StepFlags } from "../simulate/step.ts";

interface Options extends LoaderFlags, StepFlags, DeviceFlag {
  input: string;
  output?: string;
  steps?: string;
  layerSpikes?: string;
  record?: string;
  recordTo?: string;
  step?: boolean;
  float32?: boolean;
  quiet?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command("simulate")
    .argument("<file>", "FILE.net (Loihi) or FILE.onnx (Lynxi)")
    .description("run a chip's file on NumPy arrays, as the chip would")
    .requiredOption(
      "-i, --input <file.npy>",
      "sequences [T, ...] or [N, T, ...], or images [N, ...] where the file takes images; C,H,W order or flat",
    )
    .option(
      "-o, --output <file.npy>",
      "where the result goes: [T, F] or [N, T, F] (Loihi, latency removed), rates [F] or [N, F] (Lynxi); needed except with --step",
    )
    .option(
      "-T, --steps <n>",
      "run this many steps: cuts the input, or lets silence follow (default: all of the input); a file with a fixed number of steps takes only that",
    )
    .option("--layer-spikes <directory>", "also write the spikes of every layer, one .npy each")
    .option(
      "--record <what>",
      "also write some of currents,voltages,spikes, one .npy for each layer; needs --record-to",
    )
    .option("--record-to <directory>", "where --record writes")
    .option("--layers <list>", "layers for --record, or the one for --step: paths or numbers (default: all)")
    .option("--step", "follow one neuron step by step instead: waits for Enter on a terminal, prints all elsewhere")
    .option("--neuron <index>", "the neuron that --step follows, in C,H,W order (default: 0)")
    .option("--sample <index>", "the sample that --step follows (default: 0)")
    .option(
      "--scale <n>",
      "weight steps of a training unit, for --step; quantization.json names each layer's (default: 64)",
    )
    .option("--float32", "run the graph in float32, without the chip's rounding");
  addDeviceFlag(addLoaderFlags(command))
    .option("--json", "print a summary as JSON")
    .option("-q, --quiet", "no progress")
    .addHelpText(
      "after",
      `
Examples:
  spikeship simulate network.net --input spikes.npy --output out.npy
  spikeship simulate network.net -i spikes.npy -o out.npy --record currents,voltages --record-to inside/ --layers 1,2
  spikeship simulate network.net -i spikes.npy --step --layers 2 --neuron 7
  spikeship simulate graph.onnx --input images.npy --output rates.npy --layer-spikes spikes/`,
    )
    .action(run);
}

async function run(file: string, options: Options): Promise<void> {
  const recording = recordingOf(options);
  if (!options.step && options.output === undefined) {
    fail("OPTION", { where: "--output", expected: "where the result goes", got: "nothing", hint: "Give a .npy file." });
  }
  const array = readInput(options.input);
  const steps = options.steps === undefined ? undefined : wholeNumber("--steps", options.steps, 1);
  useDevice(options, createProgress(options));
  const runtime = await targetForFile(file).open(file, loaderOptions(options));
  try {
    const { input, batched } = arrangeInput(array, runtime, steps, options.input);
    if (options.step) await followNeuron(runtime, input, options);
    else await simulate(runtime, input, batched, { ...options, output: options.output! }, recording);
  } finally {
    runtime.close();
  }
}

/** `--layer-spikes` is short for a recording of all spikes. @throws OPTION when one of the two that belong together is missing. */
function recordingOf({ layerSpikes, record, recordTo, layers, step }: Options): Recording | null {
  if ((record === undefined) !== (recordTo === undefined)) {
    fail("OPTION", {
      where: record === undefined ? "--record-to" : "--record",
      expected: "--record and --record-to together",
      got: "one of them",
    });
  }
  if (layers !== undefined && record === undefined && !step) {
    fail("OPTION", { where: "--layers", expected: "--record or --step with it", got: "neither" });
  }
  const chosen = layers?.split(",").map((layer) => layer.trim());
  if (recordTo !== undefined) return { kinds: recordKinds(record!), layers: chosen, directory: recordTo };
  return layerSpikes === undefined ? null : { kinds: ["spikes"], layers: undefined, directory: layerSpikes };
}

async function simulate(
  runtime: ChipRuntime,
  input: Parameters<ChipRuntime["run"]>[0],
  batched: boolean,
  options: Options & { output: string },
  recording: Recording | null,
): Promise<void> {
  const progress = createProgress(options);
  try {
    if (recording) ensureDirectory(recording.directory);
    const result = await runtime.run(input, {
      layers: recording?.kinds.includes("spikes") ?? false,
      mode: options.float32 ? "float32" : "chip",
      onProgress: (done, of) => progress.update(done, of, `${done} of ${of} samples`),
    });
    progress.stop();
    const shape = writeOutput(options.output, result, batched);
    const layers = recording ? writeRecording(recording, runtime, input, result, batched) : [];
    const { output } = options;
    printResult(options.json, { file: runtime.file, output, shape, layers, events: result.events }, () =>
      [
        `${output}: ${formatShape(shape)}`,
        ...layers.map(describeRecorded),
        ...result.events.map((event) => `  ${event.severity}: ${event.place}: ${event.message}`),
      ].join("\n"),
    );
  } finally {
    progress.stop();
  }
}

/** The output sequence where the chip gives one, else its rates. Returns the shape. */
function writeOutput(path: string, { output, rates, samples }: ChipRun, batched: boolean): number[] {
  if (output) {
    const arranged = arrangeTrace(output, batched);
    writeWhole(path, arranged);
    return arranged.shape;
  }
  const shape = batched ? [samples, rates.length / samples] : [rates.length];
  writeRates(path, { data: rates, shape });
  return shape;
}
