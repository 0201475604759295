/** A `.net` file that was read back from disk and runs as Lava's fixed-point simulation would run it. */
import { existsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fail, parseWith, readFileChecked, SpikeshipError, sha256, sizeOf } from "../../core/index.ts";
import { changedSinceExport, MANIFEST_FILE } from "../artefact.ts";
import type { ChipInput, ChipRun, ChipRunOptions, ChipRuntime, Finding, LayerTrace } from "../target.ts";
import type { Plan } from "./blocks.ts";
import { type LoaderOptions, loaderOptions } from "./loader-options.ts";
import { type LoihiManifest, readManifest } from "./manifest.ts";
import type { NetFile } from "./net-file.ts";
import { latencyOf, planNet } from "./plan.ts";
import { readNet } from "./read.ts";
import { recordStates } from "./record-states.ts";
import { layerNumber, registersOf } from "./registers.ts";
import { simulate } from "./simulate.ts";
import type { SimulatedLayer, SimulationOptions } from "./simulation.ts";
import { walkNeuron } from "./walk.ts";

export interface LoihiRuntime extends ChipRuntime {
  readonly target: "loihi";
  readonly net: NetFile;
  readonly manifest: LoihiManifest | null;
}

/**
 * Opens an artefact's directory or a `.net` file, whoever wrote it. A manifest beside the file names its layers.
 * @throws FILE when the file is damaged, TARGET when Lava's loader could not run it.
 */
export async function openLoihi(path: string, options: Record<string, unknown> = {}): Promise<LoihiRuntime> {
  const loader = parseWith(loaderOptions, options, "options of a Loihi run");
  const isDirectory = existsSync(path) && statSync(path).isDirectory();
  const manifest = manifestBeside(isDirectory ? path : dirname(path), isDirectory ? null : basename(path));
  const file = isDirectory ? join(path, manifest!.file) : path;
  const net = await readNet(file);
  const changed = manifest ? changesOf(file, manifest.sha256[manifest.file]) : [];
  const plan = planNet(net, loader);
  const { inputShape } = plan;
  const names = new Map(manifest?.layers.map(({ layer, path: name }) => [layer, name]));
  const arrange = (input: ChipInput): SimulationOptions => arrangement(loader, plan, input);
  return {
    target: "loihi",
    file,
    inputShape,
    inputForm: "sequence",
    steps: null,
    net,
    manifest,
    async run(input, options = {}) {
      if (options.mode === "float32" || options.mode === "twin") refuseFloat32();
      const run = runNet(net, plan, names, input, { ...arrange(input), ...runOptions(options) });
      return { ...run, events: [...changed, ...run.events] };
    },
    registers(input, kinds, layers) {
      const wanted = layers ?? plan.blocks.map(({ layer }) => `${layer}`);
      const numbers = wanted.map((layer) => layerNumber(layer, names));
      return recordStates(net, input, arrange(input), numbers, plan).flatMap((recorded) =>
        registersOf(recorded, kinds, nameOf(recorded.layer, names)),
      );
    },
    walk(input, { layer, ...place }) {
      const [recorded] = recordStates(
        net,
        input,
        { ...arrange(input), record: "raw" },
        [layerNumber(layer, names)],
        plan,
      );
      const index = plan.blocks.findIndex((block) => block.layer === recorded!.layer);
      const { neuron: parameters } = plan.blocks[index]!;
      return walkNeuron({
        recorded: recorded!,
        parameters,
        first: latencyOf(plan, index),
        frames: input.shape[0]!,
        ...place,
      });
    },
    close: () => undefined,
  };
}

/** The manifest of a directory (required there), or the one that describes a file beside it. */
function manifestBeside(directory: string, file: string | null): LoihiManifest | null {
  const path = join(directory, MANIFEST_FILE);
  if (file !== null && !existsSync(path)) return null;
  const manifest = ownManifest(path, file === null);
  return manifest && (file === null || manifest.file === file) ? manifest : null;
}

/** Empty for the file that was exported. */
function changesOf(file: string, expected: string | undefined): Finding[] {
  const found = sha256(readFileChecked(file));
  return found === expected ? [] : [changedSinceExport(file, expected, found)];
}

/** Another program's manifest beside a lone file says nothing about it. */
function ownManifest(path: string, required: boolean): LoihiManifest | null {
  try {
    return readManifest(path);
  } catch (error) {
    if (required || !(error instanceof SpikeshipError)) throw error;
    return null;
  }
}

/** Without an interval of its own, each sample begins right after a reset of all neurons, as the written script arranges it. */
function arrangement(loader: LoaderOptions, plan: Plan, { form, shape }: ChipInput): SimulationOptions {
  if (form !== "sequence" || shape.length < 3) {
    fail("SHAPE", {
      where: "Loihi, input",
      expected: `a sequence [T, N, ${plan.inputShape.join(", ")}]`,
      got: `${form} [${shape.join(", ")}]`,
    });
  }
  const { resetInterval, ...others } = loader;
  if (resetInterval === null) return others;
  // the next power of two, which the hardware takes: no reset falls within a sample
  return { ...others, resetInterval: resetInterval ?? 2 ** Math.ceil(Math.log2(Math.max(shape[0]!, 1))) };
}

const runOptions = ({ layers, onProgress }: ChipRunOptions): SimulationOptions => ({
  record: layers ? "aligned" : "none",
  ...(onProgress ? { onProgress } : {}),
});

function refuseFloat32(): never {
  return fail("OPTION", {
    where: "Loihi",
    expected: 'mode "chip"',
    got: '"float32"',
    hint: "A .net file holds whole numbers only.",
  });
}

type LayerNames = ReadonlyMap<number, string>;
const nameOf = (layer: number, names: LayerNames): string => names.get(layer) ?? `layer${layer}`;

function runNet(net: NetFile, plan: Plan, names: LayerNames, input: ChipInput, options: SimulationOptions): ChipRun {
  const result = simulate(net, input, options, plan);
  const output = traceOf(result.output, "output");
  return {
    samples: output.shape[1]!,
    rates: ratesOf(result.output),
    output: { ...output, shape: [...output.shape.slice(0, 2), sizeOf(output.shape.slice(2))] },
    layers: result.layers.map((layer) => traceOf(layer, nameOf(layer.layer, names))),
    events: result.events.map((event) => ({
      ...event,
      place: names.get(Number(event.place.split("/").at(-1))) ?? event.place,
    })),
  };
}

function traceOf({ shape, data }: SimulatedLayer, layer: string): LayerTrace {
  const spikes = data.every((value) => value === 0 || value === 1);
  return { layer, shape, data: spikes ? Uint8Array.from(data) : data };
}

/** Mean over time `[N, F]`. */
function ratesOf({ shape, data }: SimulatedLayer): Float32Array {
  const [steps = 0, ...rest] = shape;
  const size = sizeOf(rest);
  const sums = new Float64Array(size);
  for (let i = 0; i < data.length; i++) sums[i % size] = sums[i % size]! + data[i]!;
  return Float32Array.from(sums, (sum) => sum / steps);
}
