/** Losses on firing rates. */
import { z } from "zod";
import { mse, softmaxCrossEntropy, Tensor } from "../tensor/index.ts";

export const lossSchema = z
  .enum(["mse", "crossEntropy"])
  .describe("mse: rates against one-hot labels; crossEntropy: rates as logits");
export type LossKind = z.infer<typeof lossSchema>;

/** rates `[N, F]` in [0, 1], labels int32 `[N]` in 0..F-1; returns one number. */
export type RateLoss = (rates: Tensor, labels: Int32Array) => Tensor;

/** Mean squared difference of rates and one-hot labels over all N * F numbers: the right class should fire always, the others never. */
const mseLoss: RateLoss = (rates, labels) => {
  const classes = rates.shape[1]!;
  const oneHot = new Float32Array(labels.length * classes);
  labels.forEach((label, i) => {
    oneHot[i * classes + label] = 1;
  });
  const target = Tensor.from(oneHot, rates.shape);
  const loss = mse(rates, target);
  target.dispose();
  return loss;
};

/** Mean over samples of -log softmax(rates)[label]. */
const crossEntropyLoss: RateLoss = (rates, labels) => {
  const target = Tensor.from(labels, [labels.length], { dtype: "int32" });
  const loss = softmaxCrossEntropy(rates, target);
  target.dispose();
  return loss;
};

export const rateLosses: { [K in LossKind]: RateLoss } = { mse: mseLoss, crossEntropy: crossEntropyLoss };

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
