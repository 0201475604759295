/** The one schema of a training config: dataset, network, training, and how the twin for each chip is fine-tuned. */
import { z } from "zod";
import { nonNegativeInteger, positiveInteger } from "../core/index.ts";
import { datasetSchema } from "../data/index.ts";
import { networkSchema } from "../model/index.ts";
import { lossSchema } from "./losses.ts";
import { marginSchema } from "./margin.ts";
import { optimizerSchema } from "./optimizers.ts";
import { scheduleSchema } from "./schedules.ts";

const trainingSettings = z.strictObject({
  epochs: nonNegativeInteger.describe("passes over the training samples"),
  batchSize: positiveInteger.default(32).describe("samples in a step"),
  loss: lossSchema.default("mse"),
  margin: marginSchema.optional().describe("penalty that keeps membrane potentials away from their thresholds"),
  optimizer: optimizerSchema,
  schedule: scheduleSchema.default({ kind: "constant" }),
  device: z
    .string()
    .regex(/^(cpu|auto|cuda(:\d{1,3})?)$/, "cpu, cuda, cuda:1 or auto")
    .optional()
    .describe(
      "where the network is trained: cpu, cuda (the first), cuda:1, or auto (the first CUDA device, else the CPU); default: where it is, the CPU",
    ),
  precision: z
    .enum(["float32", "bfloat16", "float16"])
    .default("float32")
    .describe(
      "what the factors of convolutions and matrix products are rounded to while training; sums, neurons, weights and evaluation are float32. float16 scales the loss",
    ),
  activations: z
    .enum(["float32", "half"])
    .default("float32")
    .describe(
      "how what layers hand on, and its gradients, lie in memory while training: half is the 16 bits of precision (bfloat16 or float16), in half the memory; arithmetic, sums, neuron states, statistics, weights and their gradients stay float32",
    ),
  accumulate: positiveInteger
    .default(1)
    .describe(
      "batches whose gradients are added up before each step of the optimizer: a batch of so many times batchSize in less memory",
    ),
  graph: z
    .union([z.literal("auto"), z.boolean()])
    .default("auto")
    .describe(
      "on a CUDA device: record a step once and replay it. auto: where the network allows it; true: or else refuse; false: never",
    ),
  clipNorm: z.number().positive().optional().describe("largest norm of all gradients together"),
  shift: nonNegativeInteger.default(0).describe("augmentation: move each training image by up to this many pixels"),
});

export const trainingSchema = trainingSettings.refine(
  ({ activations, precision }) => activations === "float32" || precision !== "float32",
  {
    path: ["activations"],
    error: '"half" with precision "float32"; it is the 16 bits of precision bfloat16 or float16',
  },
);
export type TrainingConfig = z.infer<typeof trainingSchema>;

const targetSchema = z.strictObject({
  training: trainingSchema
    .refine(({ activations }) => activations === "float32", {
      path: ["activations"],
      error: "\"half\" for a chip's twin, whose numbers are the chip's and must not be rounded to others",
    })
    .describe("fine-tuning of the chip's twin"),
  prepare: z
    .record(z.string(), z.json())
    .default({})
    .describe("options of the target's prepare step, checked by the target"),
  calibrationSamples: positiveInteger.default(64).describe("training samples that prepare may look at"),
});
export type TargetConfig = z.infer<typeof targetSchema>;

export const configSchema = z.strictObject({
  $schema: z.string().optional().describe("where editors find the JSON Schema of this file"),
  name: z
    .string()
    .regex(/^[A-Za-z0-9_.-]+$/)
    .describe("name of the run, used for folders"),
  seed: nonNegativeInteger.default(0).describe("decides every random number of the run"),
  dataset: datasetSchema,
  network: networkSchema,
  training: trainingSchema,
  targets: z.record(z.string(), targetSchema).default({}).describe("chips to fit the network to, by target name"),
});
export type Config = z.infer<typeof configSchema>;
