/** `manifest.json` of a Loihi artefact: what the script, the runtime and a reader must know about the `.net` file beside it. */
import { z } from "zod";
import { nonNegativeInteger, positiveInteger, readJson } from "../../../core/index.ts";
import { findingSchema, lossySchema } from "../../artefact.ts";
import type { NetLowering } from "../lower.ts";

export const NET_FILE = "network.net";
const FORMAT = "spikeship-loihi-1";
const LARGEST_MANIFEST = 64 * 2 ** 20;

export const manifestSchema = z.strictObject({
  format: z.literal(FORMAT),
  target: z.literal("loihi"),
  file: z.string().describe("the .net file, relative to this one"),
  T: positiveInteger.describe("time-steps the network was trained for"),
  inputShape: z.array(positiveInteger).min(1).describe("one step of one sample"),
  inputOrder: z.string().describe("axes of inputShape; Lava itself counts W,H,C"),
  inputMessageBits: z.literal(0).describe("spikes without payload"),
  outputShape: z.array(positiveInteger).min(1),
  latency: nonNegativeInteger.describe("steps from an input frame to its answer: one for each layer"),
  resetOffset: nonNegativeInteger.describe("Lava's reset_offset with which a sample begins right after a reset"),
  between: z
    .enum(["reset", "rebuild"])
    .default("reset")
    .describe(
      "what separates samples; rebuild: a network of its own for each, because a reset leaves something behind",
    ),
  hostInput: z
    .strictObject({ scale: positiveInteger, weight: z.number(), bias: z.number() })
    .nullable()
    .default(null)
    .describe(
      "what neurons at the input receive: even steps of 1/scale times weight plus bias, in steps; null: spikes",
    ),
  layers: z.array(
    z.strictObject({
      path: z.string().describe("path of the spiking layer in the network"),
      layer: nonNegativeInteger.describe("number of the layer in the file"),
      shape: z.array(positiveInteger).describe("one step of one sample"),
      outputDelays: z
        .array(nonNegativeInteger)
        .nullable()
        .default(null)
        .describe(
          "steps that each neuron's spikes come later in the file than in the layer, whose delay stands behind it",
        ),
      unit: positiveInteger.default(1).describe("whole numbers of the simulation in a training unit of what it sends"),
    }),
  ),
  findings: z.array(findingSchema).describe("report of the design rules"),
  lossy: z.array(lossySchema).describe("every step that changed numbers"),
  sha256: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/)),
});
export type LoihiManifest = z.infer<typeof manifestSchema>;

export interface ManifestFacts {
  lowering: NetLowering;
  steps: number;
  inputShape: number[];
  latency: number;
  resetOffset: number;
  sha256: Record<string, string>;
}

export function makeManifest({ lowering, ...facts }: ManifestFacts): LoihiManifest {
  const { layers, findings, lossy: steps, hostInput, between } = lowering;
  return {
    format: FORMAT,
    target: "loihi",
    file: NET_FILE,
    T: facts.steps,
    inputShape: facts.inputShape,
    inputOrder: facts.inputShape.length === 3 ? "C,H,W" : "F",
    inputMessageBits: 0,
    outputShape: layers.at(-1)!.shape,
    latency: facts.latency,
    resetOffset: facts.resetOffset,
    between,
    hostInput,
    layers: layers.map((layer) => ({ ...layer })),
    findings: findings.map((entry) => ({ ...entry })),
    lossy: steps.map((entry) => ({ ...entry })),
    sha256: facts.sha256,
  };
}

/** @throws FILE when it is missing, no JSON, or not of this format. */
export function readManifest(path: string): LoihiManifest {
  return readJson(path, { maxBytes: LARGEST_MANIFEST, hint: "Export again." }, manifestSchema);
}
