/** Lynxi chips (KA200) as a deployment target: an ONNX graph that Lynxi's compiler takes, judged by design rules and by execution. */
import { z } from "zod";
import { parseWith, positiveInteger, SpikeshipError } from "../../core/index.ts";
import type { Network } from "../../model/index.ts";
import { float32Twin } from "../../quantize/index.ts";
import type { ComparisonPlan, DeploymentTarget, Finding, TargetContract } from "../target.ts";
import { encodeOnnx } from "./encode.ts";
import { inspectOnnx } from "./inspect.ts";
import { type Lowering, type LoweringOptions, lowerGraph, refusals } from "./lower.ts";
import { neuronRounding } from "./lower-neuron.ts";
import { openLynxi } from "./runtime.ts";
import { COMPILE_SCRIPT, INFER_SCRIPT } from "./scripts.ts";
import { findingsOf, writeArtefact } from "./write.ts";

const GRAPH_EXTENSION = ".onnx";

/** Options of `export`, as a config or the command line gives them. */
const exportOptions = z.strictObject({
  batch: positiveInteger.default(1).describe("samples N in one call of the graph"),
  runBatch: positiveInteger.default(1).describe("copies of that batch in one call of the compiled program"),
  opset: z
    .union([z.literal(11), z.literal(12)])
    .default(12)
    .describe("ONNX operator set"),
  dtype: z.enum(["float32", "float16"]).default("float32").describe("how values are typed in the graph"),
  ioType: z.enum(["float16", "float32"]).default("float16").describe("what the host sends and receives"),
  foldBatchNorm: z
    .boolean()
    .optional()
    .describe(
      "fold batch norms into the weights before them; by default not where a prepared network kept them, which rounds with them",
    ),
});
export type LynxiExportOptions = z.infer<typeof exportOptions>;

export interface LynxiTargetParts {
  prepare: DeploymentTarget["prepare"];
  isPrepared: DeploymentTarget["isPrepared"];
}

/** Same sums in another order may move a potential that lies within a last bit of its threshold; everything else is equal. */
const FLOAT32_CONTRACT: TargetContract = {
  maxFlipRate: 1e-4,
  minPredictionAgreement: 0.995,
  statement:
    "In float32 the graph gives the network's spikes; at most 1 in 10,000 per layer may differ, where a potential lies within a last bit of its threshold.",
};

/** The graph stores a threshold of 1.3 or a decay of 2/3 as float16 also where its values are float32; the network keeps it exact. */
const ROUNDED_NEURON_CONTRACT: TargetContract = {
  maxFlipRate: 2e-2,
  minPredictionAgreement: 0.98,
  statement:
    "In float32 at most 2 in 100 spikes per layer may differ from the network: a threshold or decay of its neurons is no float16 number and is rounded in the graph.",
};

const FLOAT16_CONTRACT: TargetContract = {
  maxFlipRate: 1e-3,
  minPredictionAgreement: 0.99,
  statement:
    "In float16 the graph gives the prepared network's spikes; at most 1 in 1,000 per layer may differ, where the order of a sum moves a float16 unit.",
};

/** Limits for what float16 itself changes: measured on trained networks, flips grow from layer to layer to about 3e-3. */
const PRECISION_CONTRACT: TargetContract = {
  maxFlipRate: 2e-2,
  minPredictionAgreement: 0.98,
  statement: "Float16 changes at most 2 in 100 spikes per layer against float32, and at most 2 in 100 predictions.",
};

export function createLynxiTarget({ prepare, isPrepared }: LynxiTargetParts): DeploymentTarget {
  return {
    id: "lynxi",
    title: "Lynxi KA200 (ONNX)",
    extension: GRAPH_EXTENSION,
    about:
      "Lynxi's chips compute in float16. The network becomes an ONNX graph with all time-steps unrolled, which Lynxi's own compiler turns into a program.",
    proven: [
      "The written graph, run in float32 by ONNX Runtime, gives the network's spikes.",
      "The written graph, with every result rounded to float16, gives the prepared network's spikes and classes within the stated limits.",
      "The graph keeps the design rules collected from Lynxi's public material.",
    ],
    notProven: [
      "That Lynxi's compiler accepts the graph: it is closed and was not run.",
      "That the chip adds inside a convolution as assumed (wide, rounded once): its accumulators are not public.",
      "Speed and energy on the chip.",
    ],
    commands: () => [
      { command: `python3 ${COMPILE_SCRIPT}`, purpose: "compile the graph with Lyngor (x86 Linux with the Lynxi SDK)" },
      { command: `python3 ${INFER_SCRIPT} input.npy rates.npy`, purpose: "run the compiled program on a Lynxi card" },
    ],
    check: checkNetwork,
    prepare,
    isPrepared,
    async export(network, directory, options = {}) {
      const { ioType, runBatch, foldBatchNorm, ...lowering } = parseWith(
        exportOptions,
        options,
        "Lynxi export options",
      );
      const fold = foldBatchNorm ?? !isPrepared(network);
      return writeArtefact(lowerNetwork(network, { ...lowering, foldBatchNorm: fold }), directory, {
        ioType,
        runBatch,
      });
    },
    open: async (path) => openLynxi(path),
    inspect: async (path) => inspectOnnx(path),
    comparisons: comparisonsFor,
  };
}

/** A network as an ONNX model for the chip. @throws TARGET naming the layer that cannot be held. */
export function lowerNetwork(network: Network, options: LoweringOptions = {}): Lowering {
  return lowerGraph(network.lower(), options);
}

function checkNetwork(network: Network): Finding[] {
  const graph = network.lower();
  const refused = refusals(graph).map(
    ({ node, refusal }): Finding => ({
      rule: refusal.rule,
      severity: "error",
      place: node.source,
      message: `expected ${refusal.expected}, got ${refusal.got}`,
      source: "exporters/lynxi: no way to write this node for the chip",
      rewrite: refusal.hint,
    }),
  );
  if (refused.length > 0) return refused;
  try {
    const lowering = lowerGraph(graph);
    return findingsOf(lowering, encodeOnnx(lowering.model));
  } catch (error) {
    if (!(error instanceof SpikeshipError)) throw error;
    const { where, expected, got, hint } = error.facts;
    const message = `expected ${expected}, got ${got}`;
    return [
      {
        rule: "LX012",
        severity: "error",
        place: where,
        message,
        source: "IEEE 754 binary16",
        ...(hint ? { rewrite: hint } : {}),
      },
    ];
  }
}

function comparisonsFor(prepared: Network): { plans: ComparisonPlan[]; dispose(): void } {
  const unrounded = float32Twin(prepared);
  const neurons = prepared.lower().nodes.filter((node) => node.kind === "neuron");
  const exact = neurons.every((node) => neuronRounding(node).change.count === 0);
  return {
    plans: [
      {
        title: "graph in ONNX Runtime, float32",
        network: unrounded,
        mode: "float32",
        contract: exact ? FLOAT32_CONTRACT : ROUNDED_NEURON_CONTRACT,
      },
      {
        title: "graph as the chip computes, against the prepared network",
        network: prepared,
        mode: "chip",
        contract: FLOAT16_CONTRACT,
      },
      { title: "what float16 changes", network: unrounded, mode: "chip", contract: PRECISION_CONTRACT },
    ],
    dispose: () => unrounded.dispose(),
  };
}
