/** `manifest.json` of a Lynxi artefact: what the scripts, the runtime and a reader must know about the graph beside it. */
import { z } from "zod";
import { positiveInteger, readJson } from "../../../core/index.ts";
import { findingSchema, lossySchema } from "../../artefact.ts";
import type { Finding, LossyStep } from "../../target.ts";
import type { Lowering } from "../lower.ts";
import type { OnnxValue } from "../onnx/onnx-model.ts";
import { type StepModule, stepModuleSchema, stepStateSchema } from "../rules/step-module.ts";
import type { Normalization } from "./host-input.ts";

export const GRAPH_FILE = "graph.onnx";
export const FORMAT = "spikeship-lynxi-1";
const LARGEST_MANIFEST_BYTES = 64 * 2 ** 20;

const ioValue = z.strictObject({
  name: z.string(),
  shape: z.array(positiveInteger),
  layout: z.string().describe("meaning of the axes; TN: row t*N+n is step t of sample n"),
  type: z.enum(["float32", "float16"]).describe("element type in the graph"),
});

const neuron = z.strictObject({
  layer: z.string(),
  kind: z.string(),
  vThreshold: z.number(),
  vReset: z.number().nullable().describe("null: soft reset, the threshold is subtracted"),
  form: z
    .enum(["plain", "shift", "exchange"])
    .describe("shift: the state is v - vReset, the threshold lowered by vReset, the reset to 0"),
  spikes: z.string().describe("value in the graph that holds the spikes [T, N, L]"),
});

const layer = z.strictObject({
  layer: z.string().describe("path in the network"),
  kind: z.string(),
  nodes: z.array(z.string()).describe("nodes of the graph"),
  shape: z.array(positiveInteger).describe("one step of one sample"),
  neuron: neuron.nullable(),
});

export const manifestSchema = z.strictObject({
  format: z.literal(FORMAT),
  target: z.literal("lynxi"),
  file: z.string().describe("the graph, relative to this file"),
  graph: z.string().describe("the graph, as the compiler's scripts call it"),
  style: z
    .enum(["whole-sequence", "single-step"])
    .describe("whole-sequence: all T steps in one call, no state survives it; single-step: one call for each step"),
  form: z
    .enum(["image", "sequence"])
    .describe("image: the same at every step (repeated inside a whole-sequence graph); sequence: T prepared steps"),
  T: positiveInteger.describe("time-steps"),
  N: positiveInteger.describe("samples in one call of the graph"),
  opset: positiveInteger,
  ir_version: positiveInteger,
  inputs: z.array(ioValue).min(1).describe("samples first, then the states"),
  outputs: z.array(ioValue).min(1).describe("the network's output first, then the states"),
  io_type: z.enum(["float16", "float32"]).describe("what the host sends and receives"),
  input_type: z.literal("uint8").optional().describe("what the host sends, where it is not io_type"),
  normalization: z
    .strictObject({ mean: z.array(z.number()).min(1), variance: z.array(z.number()).min(1) })
    .optional()
    .describe("of bytes on the chip: (byte - mean) / variance, one number each or one for each channel"),
  out: z.string().describe("folder that the compiler writes, relative to this file"),
  run_batch: positiveInteger.describe("copies of the graph's batch in one call of the compiled program"),
  rounding: z.string(),
  layers: z.array(layer),
  states: z.array(stepStateSchema).optional().describe("single-step style: what goes in and out with every call"),
  readout: z
    .enum(["last-step", "every-step"])
    .optional()
    .describe("single-step style; last-step: rates, complete after T calls; every-step: the output of each step"),
  module: stepModuleSchema.optional().describe("single-step style: the generated PyTorch module"),
  findings: z.array(findingSchema).describe("report of the design rules"),
  lossy: z.array(lossySchema).describe("every step that changed numbers"),
  golden: z.strictObject({
    input: z.string(),
    output: z.string(),
    rows: positiveInteger.describe("samples in the pair: N * run_batch; of a single step, T calls after another"),
    origin: z.string(),
  }),
  sha256: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/)),
});
export type LynxiManifest = z.infer<typeof manifestSchema>;

export interface ManifestFacts {
  lowering: Lowering;
  findings: readonly Finding[];
  ioType: "float16" | "float32";
  runBatch: number;
  golden: LynxiManifest["golden"];
  normalization: Normalization | null;
  /** Only where a PyTorch module goes with the graph. */
  module?: StepModule;
  sha256: Record<string, string>;
}

export function makeManifest(facts: ManifestFacts): LynxiManifest {
  const { lowering, findings, ioType, runBatch, golden, normalization, module, sha256 } = facts;
  const { model, step } = lowering;
  const wholeSequence = (timed: boolean): string => (timed && !step ? "TN" : "N");
  const present = new Set(model.nodes.map(({ name }) => name));
  return {
    format: FORMAT,
    target: "lynxi",
    file: GRAPH_FILE,
    graph: GRAPH_FILE,
    style: step ? "single-step" : "whole-sequence",
    form: lowering.form,
    T: lowering.steps,
    N: lowering.batch,
    opset: model.opset,
    ir_version: model.irVersion,
    inputs: model.inputs.map((value) => describeValue(value, wholeSequence(lowering.form === "sequence"))),
    // rates have no time; outputs of layers between always have
    outputs: model.outputs.map((value, index) => describeValue(value, wholeSequence(index > 0 || !lowering.ratesOut))),
    io_type: ioType,
    ...(normalization ? { input_type: "uint8", normalization } : {}),
    out: "compiled",
    run_batch: runBatch,
    rounding: "float16, nearest even, after every operator; sums inside an operator wide; stored numbers rounded once",
    layers: lowering.layers.map(({ layer: path, kind, nodes, shape, neuron: facts }) => ({
      layer: path,
      kind,
      nodes: nodes.filter((name) => present.has(name)),
      shape,
      neuron: facts,
    })),
    ...(step ? { states: step.states.map(({ role: _, ...state }) => state), readout: step.readout } : {}),
    ...(module ? { module } : {}),
    findings: findings.map((entry) => ({ ...entry })),
    lossy: lowering.lossy.map((entry: LossyStep) => ({ ...entry })),
    golden,
    sha256,
  };
}

const AXES = ["C", "H", "W"];

function describeValue({ name, shape, type }: OnnxValue, rows: string): LynxiManifest["inputs"][number] {
  const sizes = (shape ?? []).map(Number);
  const rest = sizes.length === 2 ? ["F"] : AXES.slice(0, sizes.length - 1);
  return { name, shape: sizes, layout: [rows, ...rest].join(","), type: type === "float16" ? "float16" : "float32" };
}

/** @throws FILE when it is missing, no JSON, or not of this format. */
export function readManifest(path: string): LynxiManifest {
  return readJson(path, { maxBytes: LARGEST_MANIFEST_BYTES, hint: "Export again." }, manifestSchema);
}
