/** Writes a Lynxi artefact: graph, manifest, scripts and golden pair. Everything is made in memory first; nothing is written when a step fails. */
import { fail, sha256 } from "../../core/index.ts";
import { writeFiles } from "../artefact.ts";
import type { Artefact, Finding } from "../target.ts";
import { goldenPair, hostBytes } from "./artefact/golden.ts";
import { byteInput, type Normalization } from "./artefact/host-input.ts";
import { GRAPH_FILE, makeManifest } from "./artefact/manifest.ts";
import { COMPILE_SCRIPT, compileScript, INFER_SCRIPT, inferScript, stepInferScript } from "./artefact/scripts.ts";
import type { Lowering } from "./lower.ts";
import { decodeOnnx } from "./onnx/decode.ts";
import { encodeOnnx } from "./onnx/encode.ts";
import { checkModel, type KnownFacts } from "./rules.ts";
import { fusedPotentials, type TorchModule, torchModule } from "./step/index.ts";

export interface WriteOptions {
  /** Element type that the host sends and receives. Default float16. */
  ioType?: "float16" | "float32";
  /** Copies of the graph's batch in one call of the compiled program. Default 1. */
  runBatch?: number;
  /** The host sends bytes, which the chip normalises. Null or left out: it sends numbers. */
  byteInput?: Partial<Normalization> | null;
  /** Write a PyTorch module beside a graph of one step, whose states are lifted to four axes. Default false. */
  torch?: boolean;
}

const GOLDEN = { input: "input.bin", output: "output.bin" };

/** @throws TARGET when a design rule forbids delivery, WRITE when the directory cannot be written. */
export async function writeArtefact(
  lowering: Lowering,
  directory: string,
  options: WriteOptions = {},
): Promise<Artefact> {
  const { ioType = "float16", runBatch = 1 } = options;
  refuseCopiesOfSteps(lowering, runBatch);
  const normalization = options.byteInput ? byteInput(lowering, options.byteInput) : null;
  if (normalization && lowering.step && !options.torch) refuseBytesAndStates();
  const graph = encodeOnnx(lowering.model);
  const module = options.torch ? moduleOf(lowering, graph) : null;
  const potentials = module ? fusedPotentials(lowering) : [];
  const watched = potentials.map(({ value }) => value);
  const pair = await goldenPair(lowering, decodeOnnx(graph, GRAPH_FILE), runBatch, normalization, watched);
  const ranges = pair.extremes.map(({ value, ...extremes }) => {
    const { layer } = potentials.find((potential) => potential.value === value)!;
    return { place: `${layer} on the golden input`, potential: true, ...extremes };
  });
  const findings = deliverable(findingsOf(lowering, graph, { ioType, module, ranges }));
  const contents = new Map<string, Uint8Array | string>([
    [GRAPH_FILE, graph],
    [GOLDEN.input, hostBytes(pair.input, normalization ? "uint8" : ioType)],
    [GOLDEN.output, hostBytes(pair.output, ioType)],
    [COMPILE_SCRIPT, compileScript],
    [INFER_SCRIPT, lowering.step ? stepInferScript : inferScript],
  ]);
  if (module) contents.set(module.facts.file, module.text).set(module.facts.weights, module.weights);
  const rows = lowering.batch * runBatch;
  const golden = { ...GOLDEN, rows, origin: "float16 emulator on fixed random input" };
  const facts = { lowering, findings, ioType, runBatch, golden, normalization };
  const files = writeFiles(directory, contents, (hashes) =>
    makeManifest({ ...facts, ...(module ? { module: module.facts } : {}), sha256: hashes }),
  );
  return {
    target: "lynxi",
    directory,
    file: GRAPH_FILE,
    files,
    findings,
    lossy: lowering.lossy,
  };
}

export interface FindingOptions {
  ioType?: "float16" | "float32";
  module?: TorchModule | null;
  /** Of values that were emulated. */
  ranges?: KnownFacts["ranges"];
}

/** The design rules on the bytes that will be written, and what rounding lost on the way there. */
export function findingsOf(
  lowering: Lowering,
  graph: Uint8Array,
  { ioType = "float16", module = null, ranges }: FindingOptions = {},
): Finding[] {
  const neurons = lowering.layers.flatMap(({ neuron }) => neuron ?? []);
  const { steps, step } = lowering;
  const known: KnownFacts = {
    steps,
    neurons,
    ioType,
    style: step ? "single-step" : "whole-sequence",
    ...(step ? { states: step.states } : {}),
    ...(module ? { module: { facts: module.facts, text: module.text } } : {}),
    ...(ranges ? { ranges } : {}),
  };
  return [...checkModel(decodeOnnx(graph, GRAPH_FILE), known), ...roundingLosses(lowering)];
}

/** @throws OPTION when the graph is no single step, or gives more than its output and its states. */
function moduleOf(lowering: Lowering, graph: Uint8Array): TorchModule {
  const { step, model } = lowering;
  if (step && model.outputs.length > step.states.length + 1) {
    const hint = "Write the single step as an ONNX graph, or leave the taps out.";
    fail("OPTION", { where: "Lynxi export: taps", expected: "none with a PyTorch module", got: "some", hint });
  }
  if (step) return torchModule({ ...lowering, step }, sha256(graph));
  fail("OPTION", { where: "Lynxi export: torch", expected: "a graph of one time-step", got: "a whole sequence" });
}

/** Small numbers that float16 cut to zero: the file cannot show them any more. */
function roundingLosses(lowering: Lowering): Finding[] {
  return lowering.roundings
    .filter(({ change }) => change.flushed > 0)
    .map(({ place, numbers, change }) => ({
      rule: "LX012",
      severity: "warning",
      place,
      message: `${change.flushed} of ${numbers} numbers became zero`,
      source: "IEEE 754 binary16",
      rewrite: "Rescale the layer's weights and threshold together.",
    }));
}

/** Lyngor takes one type for all inputs of a graph, and states are no bytes. */
function refuseBytesAndStates(): never {
  fail("OPTION", {
    where: "Lynxi export: inputType",
    expected: "float16 or float32 for a graph whose states are inputs",
    got: "uint8",
    hint: "Write the whole sequence, or the PyTorch module, whose states stay on the chip.",
  });
}

/** Copies of a batch share one call; nothing public says how the chip tells their states apart. */
function refuseCopiesOfSteps({ step }: Lowering, runBatch: number): void {
  if (!step || runBatch === 1) return;
  fail("OPTION", {
    where: "Lynxi export: runBatch",
    expected: "1 for a graph of one time-step",
    got: `${runBatch}`,
    hint: "Write the whole sequence, or give the graph a larger batch.",
  });
}

function deliverable(findings: Finding[]): Finding[] {
  const broken = findings.find(({ severity }) => severity === "error");
  if (!broken) return findings;
  fail("TARGET", {
    where: `Lynxi: ${broken.place}`,
    expected: `a graph that keeps rule ${broken.rule}`,
    got: broken.message,
    ...(broken.rewrite ? { hint: broken.rewrite } : {}),
  });
}
