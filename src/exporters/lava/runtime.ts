/** A `.net` file that was read back from disk and runs as Lava's fixed-point simulation would run it. */
import { existsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fail, parseWith, readFileChecked, SpikeshipError, sha256, sizeOf } from "../../core/index.ts";
import { changedSinceExport, MANIFEST_FILE } from "../artefact.ts";
import type { ChipInput, ChipRun, ChipRunOptions, ChipRuntime, Finding, LayerTrace } from "../target.ts";
import { toHostSteps } from "./artefact/host-input.ts";
import { type LoihiManifest, readManifest } from "./artefact/manifest.ts";
import type { Plan } from "./chip/blocks.ts";
import { latencyOf, planNet } from "./chip/plan.ts";
import { earlier, firstSteps } from "./emulation/layer-steps.ts";
import { type LoaderOptions, loaderOptions } from "./emulation/loader-options.ts";
import { recordStates } from "./emulation/record-states.ts";
import { layerNumber, registersOf } from "./emulation/registers.ts";
import type { SimulatedLayer, SimulationOptions } from "./emulation/simulation.ts";
import { walkNeuron } from "./emulation/walk.ts";
import type { NetFile } from "./net/net-file.ts";
import { readNet } from "./read.ts";
import { simulate } from "./simulate.ts";

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
  const layerFacts: LayerFacts = new Map(manifest?.layers.map((entry) => [entry.layer, entry]));
  const names = new Map([...layerFacts].map(([layer, { path: name }]) => [layer, name]));
  const received = (input: ChipInput): ChipInput => (manifest?.hostInput ? hostSteps(input, manifest) : input);
  const late = Math.max(0, ...[...layerFacts.values()].flatMap(({ outputDelays }) => outputDelays ?? []));
  const arrange = (input: ChipInput): SimulationOptions => arrangement(loader, plan, input, late);
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
      const sequence = received(input);
      const extraSteps = options.layers ? late : 0;
      const settings = { ...arrange(sequence), ...runOptions(options), extraSteps };
      const run = runNet(net, plan, layerFacts, sequence, settings);
      return { ...run, events: [...changed, ...run.events] };
    },
    registers(input, kinds, layers) {
      const wanted = layers ?? plan.blocks.map(({ layer }) => `${layer}`);
      const numbers = wanted.map((layer) => layerNumber(layer, names));
      const sequence = received(input);
      return recordStates(net, sequence, arrange(sequence), numbers, plan).flatMap((recorded) =>
        registersOf(recorded, kinds, nameOf(recorded.layer, names)),
      );
    },
    walk(input, { layer, ...place }) {
      const sequence = received(input);
      const [recorded] = recordStates(
        net,
        sequence,
        { ...arrange(sequence), record: "raw" },
        [layerNumber(layer, names)],
        plan,
      );
      const index = plan.blocks.findIndex((block) => block.layer === recorded!.layer);
      const { neuron: parameters } = plan.blocks[index]!;
      return walkNeuron({
        recorded: recorded!,
        parameters,
        first: latencyOf(plan, index),
        frames: sequence.shape[0]!,
        ...place,
      });
    },
    close: () => undefined,
  };
}

/** What neurons at the input receive: a sequence `[T, N, ...]` in whole numbers; an image stands for all steps of the training. */
function hostSteps({ form, shape, data }: ChipInput, { hostInput, T: steps }: LoihiManifest): ChipInput {
  const numbers = toHostSteps(data, hostInput!);
  if (form === "sequence") return { form, shape, data: numbers };
  const repeated = new Float32Array(steps * numbers.length);
  for (let t = 0; t < steps; t++) repeated.set(numbers, t * numbers.length);
  return { form: "sequence", shape: [steps, ...shape], data: repeated };
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

/**
 * Without an interval of its own, each sample begins right after a reset of all neurons, as the written script arranges it. Neurons of the
 * other models ignore resets; every sample begins with fresh ones here in any case. `late`: steps by which the last layer's delays outlast it.
 */
function arrangement(loader: LoaderOptions, plan: Plan, { form, shape }: ChipInput, late: number): SimulationOptions {
  if (form !== "sequence" || shape.length < 3) {
    fail("SHAPE", {
      where: "Loihi, input",
      expected: `a sequence [T, N, ${plan.inputShape.join(", ")}]`,
      got: `${form} [${shape.join(", ")}]`,
    });
  }
  const { resetInterval, ...others } = loader;
  const resets = plan.blocks.some(({ neuron }) => neuron.model === "cuba");
  if (resetInterval === null || (resetInterval === undefined && !resets)) return others;
  // the next power of two, which the hardware takes: no reset falls within a sample
  return { ...others, resetInterval: resetInterval ?? 2 ** Math.ceil(Math.log2(Math.max(shape[0]! + late, 1))) };
}

const runOptions = ({ layers, device, onProgress }: ChipRunOptions): SimulationOptions => ({
  record: layers ? "aligned" : "none",
  ...(device === undefined ? {} : { device }),
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

/** Path and unit of the layers that a manifest names, by number in the file. */
type LayerFacts = ReadonlyMap<number, LoihiManifest["layers"][number]>;

function runNet(net: NetFile, plan: Plan, facts: LayerFacts, input: ChipInput, options: SimulationOptions): ChipRun {
  const result = simulate(net, input, options, plan);
  const [steps = 0] = input.shape;
  const output = firstSteps(result.output, steps);
  const outputUnit = facts.get(output.layer)?.unit ?? 1;
  return {
    samples: output.shape[1]!,
    rates: ratesOf(output, outputUnit),
    output: flattened(traceOf(output, "output", outputUnit)),
    layers: result.layers.map((layer) => {
      const { path, unit, outputDelays } = facts.get(layer.layer) ?? {
        path: `layer${layer.layer}`,
        unit: 1,
        outputDelays: null,
      };
      return traceOf(outputDelays ? earlier(layer, steps, outputDelays) : firstSteps(layer, steps), path, unit);
    }),
    events: result.events.map((event) => ({
      ...event,
      place: facts.get(Number(event.place.split("/").at(-1)))?.path ?? event.place,
    })),
  };
}

/** `[T, N, ...]` as `[T, N, F]`. */
const flattened = ({ shape, ...trace }: LayerTrace): LayerTrace => ({
  ...trace,
  shape: [...shape.slice(0, 2), sizeOf(shape.slice(2))],
});

function traceOf({ shape, data }: SimulatedLayer, layer: string, unit: number): LayerTrace {
  // exact: units are powers of two
  if (unit !== 1) return { layer, shape, data: Float32Array.from(data, (value) => value / unit) };
  const spikes = data.every((value) => value === 0 || value === 1);
  return { layer, shape, data: spikes ? Uint8Array.from(data) : data };
}

/** Mean over time `[N, F]`. */
function ratesOf({ shape, data }: SimulatedLayer, unit: number): Float32Array {
  const [steps = 0, ...rest] = shape;
  const size = sizeOf(rest);
  const sums = new Float64Array(size);
  for (let i = 0; i < data.length; i++) sums[i % size] = sums[i % size]! + data[i]!;
  return Float32Array.from(sums, (sum) => sum / unit / steps);
}
