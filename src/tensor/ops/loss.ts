/** Losses: how far predictions are from what was wanted, as one number. */
import { expectShape, fail, formatShape, sameShape } from "../../core/index.ts";
import { core } from "../../kernels/index.ts";
import { record, willRecord } from "../tape.ts";
import { Tensor } from "../tensor.ts";
import { toFloat } from "./arguments.ts";
import { binary } from "./broadcast.ts";
import { mul, scale } from "./elementwise.ts";
import { toChannelsLast, toPlain } from "./shape.ts";

/**
 * Mean of -log softmax(logits)[label] over everything but the class axis. logits `[N, C]` (or `[N, C, ...]`), labels int32 `[N]` (or
 * `[N, ...]`) from 0 to C - 1. Returns a scalar.
 */
export function softmaxCrossEntropy(logits: Tensor, labels: Tensor): Tensor {
  logits = toFloat("softmaxCrossEntropy", logits);
  const [batch, classes, ...rest] = logits.shape;
  if (classes === undefined || labels.dtype !== "int32" || !sameShape(labels.shape, [batch!, ...rest])) {
    fail("SHAPE", {
      where: "softmaxCrossEntropy",
      expected: "logits [N,C,...] and int32 labels [N,...]",
      got: `${formatShape(logits.shape)} and ${labels.dtype} ${formatShape(labels.shape)}`,
      hint: "Take the mean over time first.",
    });
  }
  // with the class axis innermost, every row of memory is one decision
  const input = toChannelsLast(logits, rest.length);
  const order = toPlain(labels);
  const grad = willRecord([logits]) ? Tensor.empty(logits.shape, "float32", rest.length) : null;
  const out = Tensor.empty([]);
  core().softmaxCrossEntropy(order.size, classes, input.buffer, order.buffer, out.buffer, grad?.buffer ?? 0);
  record("softmaxCrossEntropy", [input], out, grad ? [grad] : [], (outer, [held]) => [mul(held!, outer)]);
  for (const tensor of [grad, input, order]) tensor?.dispose();
  return out;
}

/** Mean over all elements of (x - target)^2; both of one shape. Returns a scalar. */
export function mse(x: Tensor, target: Tensor): Tensor {
  [x, target] = [toFloat("mse", x), toFloat("mse", target)];
  expectShape("mse target", target.shape, x.shape, "Predictions and targets have one shape.");
  const { size } = x;
  const difference = binary("mse", "sub", x, target);
  const squares = Tensor.empty(difference.shape, "float32", difference.spatial);
  core().unary("square", difference.buffer, squares.buffer, size);
  const out = Tensor.empty([]);
  core().reduce("mean", squares.buffer, 1, size, 1, out.buffer);
  record("mse", [x, target], out, [difference], (outer, [held], [needsX, needsTarget]) => {
    const flowing = mul(held!, outer);
    return [needsX ? scale(flowing, 2 / size) : null, needsTarget ? scale(flowing, -2 / size) : null];
  });
  for (const tensor of [difference, squares]) tensor.dispose();
  return out;
}
