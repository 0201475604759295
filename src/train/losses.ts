/** Losses on firing rates. */
import { z } from "zod";
import { mse, softmaxCrossEntropy, Tensor, withDeviceOf } from "../tensor/index.ts";

export const lossSchema = z
  .enum(["mse", "crossEntropy"])
  .describe("mse: rates against one-hot labels; crossEntropy: rates as logits");
export type LossKind = z.infer<typeof lossSchema>;

/** A loss in two parts, because a recorded step is given its target in memory that stays. */
interface TargetLoss {
  /** What rates of so many classes are compared with. Labels int32 `[N]` in 0..F-1. */
  target(labels: Int32Array, classes: number): Tensor;
  /** rates `[N, F]` in [0, 1]; returns one number. */
  loss(rates: Tensor, target: Tensor): Tensor;
}

/** Mean squared difference of rates and one-hot labels over all N * F numbers: the right class should fire always, the others never. */
const mseLoss: TargetLoss = {
  target(labels, classes) {
    const oneHot = new Float32Array(labels.length * classes);
    labels.forEach((label, i) => {
      oneHot[i * classes + label] = 1;
    });
    return Tensor.from(oneHot, [labels.length, classes]);
  },
  loss: mse,
};

/** Mean over samples of -log softmax(rates)[label]. */
const crossEntropyLoss: TargetLoss = {
  target: (labels) => Tensor.from(labels, [labels.length], { dtype: "int32" }),
  loss: softmaxCrossEntropy,
};

export const targetLosses: { [K in LossKind]: TargetLoss } = { mse: mseLoss, crossEntropy: crossEntropyLoss };

/** rates `[N, F]` in [0, 1], labels int32 `[N]` in 0..F-1; returns one number. */
export type RateLoss = (rates: Tensor, labels: Int32Array) => Tensor;

const rateLoss =
  ({ target, loss }: TargetLoss): RateLoss =>
  (rates, labels) => {
    const wanted = withDeviceOf(rates, () => target(labels, rates.shape[1]!));
    const value = loss(rates, wanted);
    wanted.dispose();
    return value;
  };

export const rateLosses: { [K in LossKind]: RateLoss } = {
  mse: rateLoss(mseLoss),
  crossEntropy: rateLoss(crossEntropyLoss),
};

/** Class of each row of `[N, F]`: the largest rate, the first one where several are equal. */
export function predictions(rates: ArrayLike<number>, classes: number): Int32Array {
  return Int32Array.from({ length: rates.length / classes }, (_, row) => {
    let best = 0;
    for (let c = 1; c < classes; c++) if (rates[row * classes + c]! > rates[row * classes + best]!) best = c;
    return best;
  });
}

/** Number of rows whose class is the label. */
export function countCorrect(rates: ArrayLike<number>, classes: number, labels: ArrayLike<number>): number {
  return predictions(rates, classes).reduce((sum, label, i) => sum + (label === labels[i] ? 1 : 0), 0);
}
