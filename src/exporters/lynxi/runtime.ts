/** A Lynxi graph that was read back from disk and runs as the chip is expected to (float16 emulator), or in float32 (ONNX Runtime). */
import { existsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fail, SpikeshipError, sizeOf } from "../../core/index.ts";
import { changedSinceExport, MANIFEST_FILE } from "../artefact.ts";
import type { ChipInput, ChipRun, ChipRunOptions, ChipRuntime, Finding, LayerTrace } from "../target.ts";
import type { ExecutionMode } from "./artefact/executor.ts";
import { type LynxiManifest, readManifest } from "./artefact/manifest.ts";
import type { OnnxRun } from "./emulation/collector.ts";
import { reportNumbers } from "./emulation/number-findings.ts";
import { type GraphLayout, layoutOf } from "./lowering/layout.ts";
import type { OnnxModel } from "./onnx/onnx-model.ts";
import { type OnnxFile, readOnnx } from "./read.ts";
import { inferValues } from "./shapes/infer.ts";
import { type LoadedModel, loadModel } from "./simulate.ts";

/** How this chip's runtime executes the modes of every target. */
const MODES = { chip: "emulator", float32: "float32", twin: "twin" } as const;

export interface LynxiRuntime extends ChipRuntime {
  readonly target: "lynxi";
  readonly manifest: LynxiManifest | null;
  readonly layout: GraphLayout;
  readonly model: OnnxModel;
  /** As `run`, with every way of executing the graph: also the twin, and the emulator without rounding. */
  execute(input: ChipInput, mode: ExecutionMode, options?: Omit<ChipRunOptions, "mode">): Promise<ChipRun>;
  runFloat32(input: ChipInput, options?: Omit<ChipRunOptions, "mode">): Promise<ChipRun>;
}

/** A spiking layer: its name and the value that holds its spikes. */
interface SpikeSource {
  layer: string;
  value: string;
  /** One step of one sample. */
  shape: number[];
}

/**
 * Opens an artefact's directory or an ONNX file. A manifest beside the file must belong to it.
 * @throws FILE when the file is damaged or another one than the manifest describes.
 */
export function openLynxi(path: string): LynxiRuntime {
  const directory = existsSync(path) && statSync(path).isDirectory();
  const manifestPath = join(directory ? path : dirname(path), MANIFEST_FILE);
  const manifest = directory || existsSync(manifestPath) ? lynxiManifest(manifestPath, directory) : null;
  const file = readOnnx(directory ? join(path, manifest!.file) : path);
  const own = manifest && belongs(manifest, file, manifestPath, directory) ? manifest : null;
  const changed =
    own && own.sha256[own.file] !== file.sha256
      ? [changedSinceExport(file.path, own.sha256[own.file], file.sha256)]
      : [];
  const layout = own ? layoutFrom(own, file.path) : layoutOf(file.model, file.path);
  const sources = own ? sourcesFrom(own) : sourcesOf(file.model, layout);
  const kept = new Map<string, Promise<LoadedModel>>();
  const runIn = async (mode: ExecutionMode, spikes: readonly string[], input: ChipInput, options: ChipRunOptions) => {
    const key = `${mode} ${spikes.length > 0}`;
    const loading = kept.get(key) ?? loadModel(file.model, layout, { mode, spikes }, file.path);
    if (options.keep) kept.set(key, loading);
    try {
      return await (await loading).run(input, options.onProgress);
    } finally {
      if (!kept.has(key)) await closed(loading);
    }
  };
  const execute: LynxiRuntime["execute"] = async (input, mode, options = {}) => {
    const spikes = options.layers ? sources.map(({ value }) => value) : [];
    const run = (as: ExecutionMode) => runIn(as, spikes, input, options);
    const notes: Finding[] = [];
    const result = await run(mode).catch((error: unknown) => {
      // our own graphs always run in the emulator; those of other programs may hold what it does not know
      if (own || mode !== "emulator" || !(error instanceof SpikeshipError) || error.code !== "TARGET") throw error;
      notes.push(ranAsTwin(file.path, error));
      return run("twin");
    });
    const chip = chipRun(result, layout, options.layers ? sources : []);
    return { ...chip, events: [...changed, ...notes, ...chip.events] };
  };
  return {
    target: "lynxi",
    file: file.path,
    inputShape: layout.inputShape,
    inputForm: layout.form,
    steps: layout.steps,
    manifest: own,
    layout,
    model: file.model,
    execute,
    async run(input, options = {}) {
      refuseDevice(options.device);
      return execute(input, MODES[options.mode ?? "chip"], options);
    },
    runFloat32: (input, options = {}) => execute(input, "float32", options),
    numbers: (input) => (own ? reportNumbers(file.model, layout, own, input) : null),
    close() {
      for (const loading of kept.values()) void closed(loading);
      kept.clear();
    },
  };
}

/** Neither the emulator nor ONNX Runtime computes on a GPU here. */
function refuseDevice(device: string | undefined): void {
  if (device === undefined || device === "cpu" || device === "auto") return;
  const hint = "Leave the device out: an ONNX file runs on the CPU.";
  fail("OPTION", { where: "Lynxi, device", expected: "cpu", got: device, hint });
}

/** A model that never loaded has nothing to close. */
async function closed(loading: Promise<LoadedModel>): Promise<void> {
  const model = await loading.catch(() => null);
  await model?.close();
}

/** ONNX Runtime rounds a twin where the emulator would round the graph. */
function ranAsTwin(file: string, { facts }: SpikeshipError): Finding {
  return {
    rule: "LX004",
    severity: "note",
    place: file,
    message: `Run in ONNX Runtime with every result rounded to float16: the emulator does not take ${facts.got} (${facts.where}).`,
    source: "exporters/lynxi",
  };
}

/** A manifest of another chip beside a lone ONNX file says nothing about it. */
function lynxiManifest(path: string, required: boolean): LynxiManifest | null {
  try {
    return readManifest(path);
  } catch (error) {
    if (required) throw error;
    return null;
  }
}

/**
 * In a directory the graph must be the manifest's, if only with other numbers; a lone file beside a manifest may be another one.
 * @throws FILE when the graph lacks the values that the manifest names.
 */
function belongs(manifest: LynxiManifest, file: OnnxFile, path: string, required: boolean): boolean {
  const expected = manifest.sha256[manifest.file];
  if (expected === file.sha256) return true;
  const named = required || basename(file.path) === manifest.file;
  if (!named) return false;
  if (describes(manifest, file.model)) return true;
  fail("FILE", {
    where: file.path,
    expected: `sha256 ${expected} (${path})`,
    got: file.sha256,
    hint: "The graph was changed after the export: export again.",
  });
}

/** True when the graph has every value that the manifest names. */
function describes(manifest: LynxiManifest, model: OnnxModel): boolean {
  const made = new Set([...model.inputs.map(({ name }) => name), ...model.nodes.flatMap(({ outputs }) => outputs)]);
  const named = [...manifest.inputs, ...manifest.outputs].map(({ name }) => name);
  return [...named, ...sourcesFrom(manifest).map(({ value }) => value)].every((name) => made.has(name));
}

function layoutFrom(manifest: LynxiManifest, where: string): GraphLayout {
  const [input, output] = [manifest.inputs[0], manifest.outputs[0]];
  if (!input || !output) fail("FILE", { where, expected: "one input and one output in the manifest", got: "none" });
  return {
    input: input.name,
    output: output.name,
    form: manifest.form,
    steps: manifest.T,
    batch: manifest.N,
    inputShape: input.shape.slice(1),
    spikes: sourcesFrom(manifest).map(({ value }) => value),
    ...(manifest.states && manifest.readout ? { step: { states: manifest.states, readout: manifest.readout } } : {}),
  };
}

function sourcesFrom(manifest: LynxiManifest): SpikeSource[] {
  return manifest.layers.flatMap(({ layer, shape, neuron }) =>
    neuron ? [{ layer, value: neuron.spikes, shape }] : [],
  );
}

function sourcesOf(model: OnnxModel, layout: GraphLayout): SpikeSource[] {
  const { facts } = inferValues(model);
  return layout.spikes.map((value) => ({ layer: value, value, shape: facts.get(value)?.shape?.slice(2) ?? [] }));
}

function chipRun(run: OnnxRun, { steps }: GraphLayout, sources: readonly SpikeSource[]): ChipRun {
  const samples = run.rates.length / run.features;
  const layers = sources.map(({ layer, value, shape }): LayerTrace => {
    const data = run.spikes.get(value)!;
    const perSample = data.length / (steps * samples);
    return {
      layer,
      shape: [steps, samples, ...(sizeOf(shape) === perSample ? shape : [perSample])],
      data: Uint8Array.from(data),
    };
  });
  const output = run.sequence ? { layer: "output", shape: [steps, samples, run.features], data: run.sequence } : null;
  return { samples, rates: run.rates, output, layers, events: run.nonFinite.map(nonFiniteEvent) };
}

function nonFiniteEvent({ node, count }: OnnxRun["nonFinite"][number]): Finding {
  return {
    rule: "LX012",
    severity: "error",
    place: node,
    message: `${count} results were infinite or no number: above 65504 a neuron no longer follows its equation`,
    source: "IEEE 754 binary16",
    rewrite: "Rescale the weights and the threshold of this layer.",
  };
}
