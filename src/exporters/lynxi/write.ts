/** Writes a Lynxi artefact: graph, manifest, scripts and golden pair. Everything is made in memory first; nothing is written when a step fails. */
import { join } from "node:path";
import { ensureDirectory, fail, sha256, writeFileAtomic } from "../../core/index.ts";
import { MANIFEST_FILE } from "../artefact.ts";
import type { Artefact, Finding } from "../target.ts";
import { decodeOnnx } from "./decode.ts";
import { emulate } from "./emulator.ts";
import { encodeOnnx } from "./encode.ts";
import { goldenInput, hostBytes } from "./golden.ts";
import { layoutOf } from "./layout.ts";
import type { Lowering } from "./lower.ts";
import { GRAPH_FILE, makeManifest } from "./manifest.ts";
import { checkModel } from "./rules.ts";
import { COMPILE_SCRIPT, compileScript, INFER_SCRIPT, inferScript } from "./scripts.ts";
import { inputOfCalls } from "./simulate.ts";

export interface WriteOptions {
  /** Element type that the host sends and receives. Default float16. */
  ioType?: "float16" | "float32";
  /** Copies of the graph's batch in one call of the compiled program. Default 1. */
  runBatch?: number;
}

const GOLDEN = { input: "input.bin", output: "output.bin" };

/** @throws TARGET when a design rule forbids delivery, WRITE when the directory cannot be written. */
export function writeArtefact(lowering: Lowering, directory: string, options: WriteOptions = {}): Artefact {
  const { ioType = "float16", runBatch = 1 } = options;
  const graph = encodeOnnx(lowering.model);
  const findings = deliverable(findingsOf(lowering, graph));
  const pair = goldenPair(lowering, graph, runBatch, ioType);
  const contents = new Map<string, Uint8Array | string>([
    [GRAPH_FILE, graph],
    [GOLDEN.input, pair.input],
    [GOLDEN.output, pair.output],
    [COMPILE_SCRIPT, compileScript],
    [INFER_SCRIPT, inferScript],
  ]);
  const hashes = Object.fromEntries([...contents].map(([name, bytes]) => [name, sha256(bytes)]));
  const rows = lowering.batch * runBatch;
  const golden = { ...GOLDEN, rows, origin: "float16 emulator on fixed random input" };
  const manifest = makeManifest({ lowering, findings, ioType, runBatch, golden, sha256: hashes });
  contents.set(MANIFEST_FILE, `${JSON.stringify(manifest, null, 2)}\n`);
  ensureDirectory(directory);
  for (const [name, bytes] of contents) writeFileAtomic(join(directory, name), bytes);
  return {
    target: "lynxi",
    directory,
    file: GRAPH_FILE,
    files: [...contents].map(([path, bytes]) => ({ path, bytes: Buffer.byteLength(bytes), sha256: sha256(bytes) })),
    findings,
    lossy: lowering.lossy,
  };
}

/** The design rules on the bytes that will be written, and what rounding lost on the way there. */
export function findingsOf(lowering: Lowering, graph: Uint8Array): Finding[] {
  const neurons = lowering.layers.flatMap(({ neuron }) => neuron ?? []);
  return [
    ...checkModel(decodeOnnx(graph, GRAPH_FILE), { steps: lowering.steps, neurons }),
    ...roundingLosses(lowering),
  ];
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

function goldenPair(lowering: Lowering, graph: Uint8Array, runBatch: number, type: "float16" | "float32") {
  const model = decodeOnnx(graph, GRAPH_FILE);
  const layout = layoutOf(model, GRAPH_FILE);
  const samples = lowering.batch * runBatch;
  const fed = inputOfCalls(layout, goldenInput(lowering, samples), samples, 0, runBatch);
  const { outputs } = emulate(model, new Map([[layout.input, fed]]), runBatch);
  return { input: hostBytes(fed.data, type), output: hostBytes(outputs.get(layout.output)!.data, type) };
}
