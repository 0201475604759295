/** Batch normalisation (PyTorch's `BatchNorm1d` and `BatchNorm2d`). In multi-step mode its statistics run over time and batch together. */
import { z } from "zod";
import { fail, positiveInteger, type Shape } from "../../core/index.ts";
import { add, assign, batchNorm, noGrad, type Tensor } from "../../tensor/index.ts";
import type { LayerDefinition, ParameterSpec } from "./define.ts";
import { arrayOf } from "./lowering.ts";
import { layerFactory } from "./registry.ts";
import { expectImage } from "./spatial.ts";

const options = z.strictObject({
  numFeatures: positiveInteger.describe("channels"),
  eps: z.number().positive().default(1e-5).describe("added to the variance"),
  momentum: z
    .number()
    .min(0)
    .max(1)
    .nullable()
    .default(0.1)
    .describe("share of the batch in the running statistics; null: they are the mean over all batches"),
  affine: z.boolean().default(true).describe("learn a scale and a shift for each channel"),
  trackRunningStats: z
    .boolean()
    .default(true)
    .describe("keep running statistics for evaluation; false: every batch is normalised by its own"),
});
export type BatchNormLayerOptions = z.infer<typeof options>;

/** Kinds of batch norms, for those who fold them. */
export const BATCH_NORM_KINDS: readonly string[] = ["BatchNorm1d", "BatchNorm2d"];

/** Shape-preserving on `[C, spatial...]`, with one of the numbers of spatial axes given; weight, bias, running_mean, running_var `[C]`. */
const batchNormDefinition = (
  kind: string,
  summary: string,
  spatialAxes: readonly number[],
): LayerDefinition<BatchNormLayerOptions, z.input<typeof options>> => ({
  kind,
  summary,
  options,
  sees: "stateless",
  shape(input, o, where) {
    expectImage(input, spatialAxes.find((axes) => axes + 1 === input.length) ?? spatialAxes[0]!, where, o.numFeatures);
    return input;
  },
  parameters(o) {
    const shape = [o.numFeatures];
    return {
      ...(o.affine ? { weight: { shape, init: "ones" }, bias: { shape, init: "zeros" } } : {}),
      ...(o.trackRunningStats ? runningStatistics(shape) : {}),
    };
  },
  forward(x, layer, context) {
    const { momentum, eps, trackRunningStats } = layer.options;
    const training = context.training || !trackRunningStats;
    if (training && trackRunningStats) countBatch(layer.tensor("num_batches_tracked"));
    // training updates the stored statistics; evaluation reads them as the pass sees parameters
    const statistics = (name: string) =>
      training && trackRunningStats ? layer.tensor(name) : layer.parameter(name, context);
    return batchNorm(x, {
      runningMean: statistics("running_mean"),
      runningVar: statistics("running_var"),
      weight: layer.parameter("weight", context),
      bias: layer.parameter("bias", context),
      training,
      repeats: context.repeats ?? 1,
      // the number is asked for only where it counts: a device would have to be waited for
      momentum: momentum ?? (training && trackRunningStats ? 1 / layer.tensor("num_batches_tracked").item() : 1),
      eps,
    });
  },
  lower(layer, graph) {
    if (!layer.options.trackRunningStats) {
      const hint = "A chip sees one sample at a time and has no statistics of a batch.";
      fail("TARGET", { where: layer.label, expected: "running statistics", got: "trackRunningStats false", hint });
    }
    graph.add("batchNorm", {
      source: layer.path,
      shape: graph.current.shape,
      mean: arrayOf(layer, "running_mean"),
      variance: arrayOf(layer, "running_var"),
      weight: layer.options.affine ? arrayOf(layer, "weight") : null,
      bias: layer.options.affine ? arrayOf(layer, "bias") : null,
      epsilon: layer.options.eps,
    });
  },
});

function runningStatistics(shape: Shape): Record<string, ParameterSpec> {
  return {
    running_mean: { shape, init: "zeros", buffer: true },
    running_var: { shape, init: "ones", buffer: true },
    // counted as PyTorch counts it, so that its checkpoints load and ours load there
    num_batches_tracked: { shape: [], init: "zeros", buffer: true },
  };
}

/** Counts this batch. */
function countBatch(counter: Tensor): void {
  assign(
    counter,
    noGrad(() => add(counter, 1)),
  );
}

export const batchNorm1dDefinition = batchNormDefinition("BatchNorm1d", "batch normalisation over features", [0, 1]);
export const batchNorm2dDefinition = batchNormDefinition("BatchNorm2d", "batch normalisation over images", [2]);
export const BatchNorm1d = layerFactory(batchNorm1dDefinition);
export const BatchNorm2d = layerFactory(batchNorm2dDefinition);
