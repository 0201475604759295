/** A `.net` file that was read back from disk and runs as Lava's fixed-point simulation would run it. */
import { existsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fail, readFileChecked, SpikeshipError, sha256, sizeOf } from "../../core/index.ts";
import { changedSinceExport, MANIFEST_FILE } from "../artefact.ts";
import type { ChipInput, ChipRun, ChipRunOptions, ChipRuntime, Finding, LayerTrace } from "../target.ts";
import { type LoihiManifest, readManifest } from "./manifest.ts";
import type { NetFile } from "./net-file.ts";
import { planNet } from "./plan.ts";
import { readNet } from "./read.ts";
import { simulate } from "./simulate.ts";
import type { SimulatedLayer } from "./simulation.ts";

export interface LoihiRuntime extends ChipRuntime {
  readonly target: "loihi";
  readonly net: NetFile;
  readonly manifest: LoihiManifest | null;
}

/**
 * Opens an artefact's directory or a `.net` file, whoever wrote it. A manifest beside the file names its layers.
 * @throws FILE when the file is damaged, TARGET when Lava's loader could not run it.
 */
export async function openLoihi(path: string): Promise<LoihiRuntime> {
  const isDirectory = existsSync(path) && statSync(path).isDirectory();
  const manifest = manifestBeside(isDirectory ? path : dirname(path), isDirectory ? null : basename(path));
  const file = isDirectory ? join(path, manifest!.file) : path;
  const net = await readNet(file);
  const changed = manifest ? changesOf(file, manifest.sha256[manifest.file]) : [];
  const { inputShape } = planNet(net);
  const names = new Map(manifest?.layers.map(({ layer, path: name }) => [layer, name]));
  return {
    target: "loihi",
    file,
    inputShape,
    inputForm: "sequence",
    steps: null,
    net,
    manifest,
    async run(input, options = {}) {
      const run = runNet(net, names, inputShape, input, options);
      return { ...run, events: [...changed, ...run.events] };
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

/** Each sample begins right after a reset of all neurons, as the written script arranges it, and none falls within a sample. */
function runNet(
  net: NetFile,
  names: ReadonlyMap<number, string>,
  inputShape: number[],
  input: ChipInput,
  options: ChipRunOptions,
): ChipRun {
  if (options.mode === "float32") {
    fail("OPTION", {
      where: "Loihi",
      expected: 'mode "chip"',
      got: '"float32"',
      hint: "A .net file holds whole numbers only.",
    });
  }
  const [steps = 0] = input.shape;
  if (input.form !== "sequence" || input.shape.length < 3) {
    fail("SHAPE", {
      where: "Loihi, input",
      expected: `a sequence [T, N, ${inputShape.join(", ")}]`,
      got: `${input.form} [${input.shape.join(", ")}]`,
    });
  }
  const result = simulate(net, input, {
    resetInterval: 2 ** Math.ceil(Math.log2(Math.max(steps, 1))),
    record: options.layers ? "aligned" : "none",
    ...(options.onProgress ? { onProgress: options.onProgress } : {}),
  });
  const output = traceOf(result.output, "output");
  return {
    samples: output.shape[1]!,
    rates: ratesOf(result.output),
    output: { ...output, shape: [...output.shape.slice(0, 2), sizeOf(output.shape.slice(2))] },
    layers: result.layers.map((layer) => traceOf(layer, names.get(layer.layer) ?? `layer${layer.layer}`)),
    events: result.events.map((event) => ({
      ...event,
      place: names.get(Number(event.place.split("/").at(-1))) ?? event.place,
    })),
  };
}

function traceOf({ shape, data }: SimulatedLayer, layer: string): LayerTrace {
  const spikes = data.every((value) => value === 0 || value === 1);
  return { layer, shape, data: spikes ? Uint8Array.from(data) : Float32Array.from(data) };
}

/** Mean over time `[N, F]`. */
function ratesOf({ shape, data }: SimulatedLayer): Float32Array {
  const [steps = 0, ...rest] = shape;
  const size = sizeOf(rest);
  const sums = new Float64Array(size);
  for (let i = 0; i < data.length; i++) sums[i % size] = sums[i % size]! + data[i]!;
  return Float32Array.from(sums, (sum) => sum / steps);
}
