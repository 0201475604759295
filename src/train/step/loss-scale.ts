/**
 * Dynamic loss scaling for gradients that pass through float16: the loss is multiplied by a power of two, so that small gradients do not
 * vanish, and the gradients are divided by it before the optimizer sees them. Where one overflowed, the step is left out. The rule by which
 * the scale changes is the native core's (`optimizerStep`), because a device follows it by itself; here is where it begins, and what is stored.
 * Source: Micikevicius et al., "Mixed Precision Training", ICLR 2018; numbers as in PyTorch's GradScaler.
 */
import { z } from "zod";
import { fail, nonNegativeInteger } from "../../core/index.ts";

export const lossScaleState = z.strictObject({
  scale: z.number().positive().describe("what the loss is multiplied by"),
  goodSteps: nonNegativeInteger.describe("since the scale was changed"),
});
export type LossScaleState = z.infer<typeof lossScaleState>;

export const FIRST_LOSS_SCALE: LossScaleState = { scale: 2 ** 16, goodSteps: 0 };

/** Halving did not help. */
export function failAtEveryScale(): never {
  fail("VALUE", {
    where: "training with float16 factors",
    expected: "finite gradients",
    got: "none at any loss scale",
    hint: "Lower the learning rate, check the input for NaN, or train with bfloat16.",
  });
}
