/** Lynxi chips (KA200) as a deployment target: an ONNX graph that Lynxi's compiler takes, judged by design rules and by execution. */
import { z } from "zod";
import { fail, parseWith, positiveInteger } from "../../core/index.ts";
import type { Network } from "../../model/index.ts";
import { float32Twin } from "../../quantize/index.ts";
import type { ComparisonPlan, DeploymentTarget, TargetContract } from "../target.ts";
import { COMPILE_SCRIPT, INFER_SCRIPT } from "./artefact/scripts.ts";
import { inspectOnnx } from "./inspect.ts";
import { type Lowering, type LoweringOptions, lowerGraph } from "./lower.ts";
import { neuronRounding } from "./lowering/lower-neuron.ts";
import { checkOnnxFile, fixOnnxFile } from "./rules/check-file.ts";
import { checkNetwork } from "./rules/check-network.ts";
import { openLynxi } from "./runtime.ts";
import { lowerStep, MODULE_FILE } from "./step/index.ts";
import { writeArtefact } from "./write.ts";

const GRAPH_EXTENSION = ".onnx";

/** How the network is laid out in time. */
const DEPLOYMENT_STYLES = ["whole-sequence", "single-step", "single-step-torch"] as const;
type ExportStyle = (typeof DEPLOYMENT_STYLES)[number];

/** Short names of the styles, as documents about these chips write them. */
const STYLE_LETTERS: Readonly<Record<string, ExportStyle>> = {
  W: "whole-sequence",
  "S-onnx": "single-step",
  "S-torch": "single-step-torch",
};

/** Where Lynxi's operators are, which only the machine that compiles can know. */
const MODULE_OPTIONS = " --operators LIBRARY --registrations MODULE";

const perChannel = z.union([z.number().transform((number) => [number]), z.array(z.number()).min(1)]);

/** Options of `export`, as a config or the command line gives them. */
const exportOptions = z.strictObject({
  style: z
    .preprocess((name) => STYLE_LETTERS[String(name)] ?? name, z.enum(DEPLOYMENT_STYLES))
    .default("whole-sequence")
    .describe(
      "whole-sequence (W): T steps unrolled in one call; single-step (S-onnx): one step, states as inputs and outputs; single-step-torch (S-torch): that and a PyTorch module whose states stay on the chip",
    ),
  batch: positiveInteger.default(1).describe("samples N in one call of the graph"),
  runBatch: positiveInteger.default(1).describe("copies of that batch in one call of the compiled program"),
  opset: z
    .union([z.literal(11), z.literal(12)])
    .default(12)
    .describe("ONNX operator set"),
  dtype: z.enum(["float32", "float16"]).default("float32").describe("how values are typed in the graph"),
  ioType: z.enum(["float16", "float32"]).default("float16").describe("what the host sends and receives"),
  inputType: z
    .literal("uint8")
    .optional()
    .describe("uint8: the host sends bytes, which the chip normalises as (byte - mean) / variance"),
  mean: perChannel.optional().describe("of bytes, one number or one for each channel; default 0"),
  variance: perChannel
    .refine((numbers) => numbers.every((number) => number !== 0), "must not be 0")
    .optional()
    .describe("of bytes, what is divided by; default 255, for spikes 1"),
  neuronForm: z
    .enum(["shift", "exact"])
    .default("shift")
    .describe("hard reset to another potential than 0: seen from that potential (shift), or written literally (exact)"),
  output: z
    .enum(["rate", "spikes"])
    .default("rate")
    .describe("what the graph gives: means over time, or the output of every step"),
  taps: z
    .union([z.string().transform((paths) => paths.split(",")), z.array(z.string())])
    .optional()
    .describe("paths of layers whose outputs the graph gives too, behind its own; on the command line with commas"),
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

/** ONNX Runtime rounds in two further operators behind each: several times slower than the emulator, and a second witness needs few samples. */
const TWIN_SAMPLES = 64;

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
      "Lynxi's chips compute in float16. The network becomes an ONNX graph of all time-steps, or of one with its states, which Lynxi's own compiler turns into a program.",
    proven: [
      "The written graph, run in float32 by ONNX Runtime, gives the network's spikes.",
      "The written graph, with every result rounded to float16, gives the prepared network's spikes and classes within the stated limits.",
      "The graph keeps the design rules collected from Lynxi's public material.",
    ],
    notProven: [
      "That Lynxi's compiler accepts the graph: it is closed and was not run.",
      "That the chip adds inside a convolution as assumed (wide, rounded once): its accumulators are not public.",
      "That the PyTorch module of a single step computes what its graph does: the comparisons run the graph.",
      "Speed and energy on the chip.",
    ],
    commands: ({ files }) => [
      {
        command: `python3 ${COMPILE_SCRIPT}${files.some(({ path }) => path === MODULE_FILE) ? MODULE_OPTIONS : ""}`,
        purpose: "compile the network with Lyngor (x86 Linux with the Lynxi SDK)",
      },
      { command: `python3 ${INFER_SCRIPT} input.npy rates.npy`, purpose: "run the compiled program on a Lynxi card" },
    ],
    check: checkNetwork,
    checkFile: async (path, options) => checkOnnxFile(path, options),
    fixFile: async (path, options) => fixOnnxFile(path, options),
    prepare,
    isPrepared,
    async export(network, directory, options = {}) {
      const { style, ioType, runBatch, foldBatchNorm, inputType, mean, variance, taps, ...lowering } = parseWith(
        exportOptions,
        options,
        "Lynxi export options",
      );
      if (!inputType && (mean || variance)) {
        const expected = "inputType=uint8 with mean and variance";
        fail("OPTION", { where: "Lynxi export options", expected, got: "no inputType" });
      }
      const fold = foldBatchNorm ?? !isPrepared(network);
      if (style !== "whole-sequence") expectStepOptions({ ...lowering, taps });
      const chosen = { ...lowering, foldBatchNorm: fold, ...(taps ? { taps } : {}) };
      return writeArtefact(lowerNetwork(network, chosen, style), directory, {
        ioType,
        runBatch,
        byteInput: inputType ? { ...(mean ? { mean } : {}), ...(variance ? { variance } : {}) } : null,
        torch: style === "single-step-torch",
      });
    },
    async open(path, options = {}) {
      parseWith(z.strictObject({}), options, "options of a Lynxi run");
      return openLynxi(path);
    },
    inspect: async (path) => inspectOnnx(path),
    comparisons: comparisonsFor,
  };
}

/** A graph of one step gives its output and its states; its neurons are written from their reset potential. */
function expectStepOptions({
  neuronForm,
  output,
  taps,
}: Pick<LynxiExportOptions, "neuronForm" | "output" | "taps">): void {
  if (neuronForm === "shift" && output === "rate" && !taps) return;
  const expected = "neuronForm shift, output rate and no taps for a graph of one time-step";
  fail("OPTION", { where: "Lynxi export options", expected, got: `${neuronForm}, ${output}, ${taps ?? "no taps"}` });
}

/** A network as an ONNX model for the chip. @throws TARGET naming the layer that cannot be held. */
export function lowerNetwork(
  network: Network,
  options: LoweringOptions = {},
  style: ExportStyle = "whole-sequence",
): Lowering {
  if (style === "whole-sequence") return lowerGraph(network.lower(), options);
  return lowerStep(network.lower(), options, style === "single-step" ? "layer" : "four");
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
      {
        title: "graph's twin in ONNX Runtime, every result rounded to float16, against the prepared network",
        network: prepared,
        mode: "twin",
        contract: FLOAT16_CONTRACT,
        samples: TWIN_SAMPLES,
      },
      { title: "what float16 changes", network: unrounded, mode: "chip", contract: PRECISION_CONTRACT },
    ],
    dispose: () => unrounded.dispose(),
  };
}
