/** Batch normalisation (Ioffe and Szegedy, 2015), with PyTorch's running statistics. */
import { fail, formatShape } from "../../core/index.ts";
import { core } from "../../kernels/index.ts";
import { Storage } from "../storage.ts";
import { record } from "../tape.ts";
import { Tensor } from "../tensor.ts";
import { activationType, expectFloat } from "./arguments.ts";
import { toChannelsLast } from "./shape.ts";

export interface BatchNormOptions {
  /** `[C]`; training changes them in place: new = (1 - momentum) old + momentum batch. null (training only): none are kept. */
  runningMean: Tensor | null;
  runningVar: Tensor | null;
  /** Scale and shift `[C]`. */
  weight?: Tensor | null;
  bias?: Tensor | null;
  /** true: statistics of this batch, and the running ones are updated. false: the running ones. */
  training: boolean;
  /** The batch stands for so many equal ones (default 1): it counts in the unbiased variance. */
  repeats?: number;
  /** Share of the batch in the running statistics (default 0.1). */
  momentum?: number;
  /** Added to the variance (default 1e-5). */
  eps?: number;
}

/**
 * x `[B, C]` or `[B, C, spatial...]`: (x - mean) / sqrt(variance + eps) * weight + bias for each channel; same shape and type (statistics, weight and bias are float32). Training needs more than
 * one value for each channel; its running variance is the unbiased one (n / (n - 1)), the one it divides by is not. The result is
 * written when an operation asks for its memory: a neuron that follows normalises its input on the way instead.
 */
export function batchNorm(x: Tensor, options: BatchNormOptions): Tensor {
  const {
    runningMean,
    runningVar,
    weight = null,
    bias = null,
    training,
    repeats = 1,
    momentum = 0.1,
    eps = 1e-5,
  } = options;
  const channels = x.shape[1] ?? 0;
  const vectors = [runningMean, runningVar, weight, bias];
  const type = activationType("batchNorm", x);
  expectFloat("batchNorm", ...vectors);
  for (const vector of vectors) if (vector) expectChannels(x, vector);
  const rows = channels === 0 ? 0 : x.size / channels;
  const input = toChannelsLast(x, x.shape.length - 2);
  const affine = Tensor.empty([2, channels]);
  const [mean, variance] = training ? newStatistics(x, rows * repeats) : storedStatistics(runningMean, runningVar);
  const [w, b] = [weight?.buffer ?? 0, bias?.buffer ?? 0];
  if (training) {
    core().batchNormTrain(rows, channels, eps, input.buffer, w, b, mean.buffer, variance.buffer, affine.buffer, type);
    if (runningMean) blend(runningMean, mean, momentum, momentum);
    if (runningVar) blend(runningVar, variance, momentum, (momentum * rows * repeats) / (rows * repeats - 1));
  } else {
    core().batchNormInfer(channels, eps, mean.buffer, variance.buffer, w, b, affine.buffer);
  }
  const normalised =
    x.size === 0 ? Storage.allocate(0) : Storage.deferred({ x: input.storage, affine: affine.storage, channels, type });
  const out = new Tensor(normalised, x.shape, type, input.spatial);
  const saved = weight ? [input, mean, variance, weight] : [input, mean, variance];
  record("batchNorm", [input, weight, bias], out, saved, (grad, held, needs) =>
    batchNormGradients(training, rows, eps, grad, held, needs),
  );
  for (const tensor of [input, mean, variance, affine]) tensor.dispose();
  return out;
}

/** Room for the statistics of a batch. */
function newStatistics(x: Tensor, count: number): [Tensor, Tensor] {
  if (count < 2) {
    fail("SHAPE", {
      where: "batchNorm",
      expected: "more than one value for each channel in training",
      got: formatShape(x.shape),
      hint: "Use a larger batch, or evaluation mode.",
    });
  }
  const shape = [x.shape[1]!];
  return [Tensor.empty(shape), Tensor.empty(shape)];
}

function storedStatistics(mean: Tensor | null, variance: Tensor | null): [Tensor, Tensor] {
  if (!mean || !variance) {
    fail("STATE", {
      where: "batchNorm",
      expected: "running statistics in evaluation mode",
      got: "none",
      hint: "Train first, or use the statistics of the batch (training: true).",
    });
  }
  return [mean.detach(), variance.detach()];
}

function expectChannels(x: Tensor, vector: Tensor): void {
  if (x.shape.length < 2 || vector.shape.length !== 1 || vector.shape[0] !== x.shape[1]) {
    fail("SHAPE", {
      where: "batchNorm",
      expected: "input [B,C,...], and statistics, weight and bias [C]",
      got: `${formatShape(x.shape)} and ${formatShape(vector.shape)}`,
      hint: "reshape() time and batch into one axis first; check numFeatures.",
    });
  }
}

/** running = (1 - momentum) running + factor batch, in place. */
function blend(running: Tensor, batch: Tensor, momentum: number, factor: number): void {
  core().binaryScalar("mul", running.buffer, 1 - momentum, false, running.buffer, running.size);
  core().axpy(factor, batch.buffer, running.buffer, running.size);
}

function batchNormGradients(
  training: boolean,
  rows: number,
  eps: number,
  grad: Tensor,
  saved: Tensor[],
  [needsX, needsWeight, needsBias]: boolean[],
): (Tensor | null)[] {
  const [x, mean, variance, weight] = saved as [Tensor, Tensor, Tensor, Tensor | undefined];
  const channels = mean.size;
  const type = activationType("batchNorm", x);
  const gradX = needsX ? Tensor.empty(x.shape, type, x.spatial) : null;
  const gradWeight = needsWeight ? Tensor.empty([channels]) : null;
  const gradBias = needsBias ? Tensor.empty([channels]) : null;
  core().batchNormBackward(
    training,
    rows,
    channels,
    eps,
    x.buffer,
    grad.buffer,
    mean.buffer,
    variance.buffer,
    weight?.buffer ?? 0,
    gradX?.buffer ?? 0,
    gradWeight?.buffer ?? 0,
    gradBias?.buffer ?? 0,
    type,
  );
  return [gradX, gradWeight, gradBias];
}
