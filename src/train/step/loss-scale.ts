/**
 * Dynamic loss scaling for gradients that pass through float16: the loss is multiplied by a power of two, so that small gradients do not
 * vanish, and the gradients are divided by it before the optimizer sees them. Where one overflowed, the step is left out.
 * Source: Micikevicius et al., "Mixed Precision Training", ICLR 2018; numbers as in PyTorch's GradScaler.
 */
import { z } from "zod";
import { fail, nonNegativeInteger } from "../../core/index.ts";
import { countNonFinite, scaleInPlace, type Tensor } from "../../tensor/index.ts";

const FIRST_SCALE = 2 ** 16;
/** Good steps after which the scale is doubled. */
const GROWTH_STEPS = 2000;
/** Gradients that overflow even so are not finite in float32 either. */
const SMALLEST_SCALE = 2 ** -10;

export const lossScaleState = z.strictObject({
  scale: z.number().positive(),
  goodSteps: nonNegativeInteger.describe("since the scale was changed"),
});
export type LossScaleState = z.infer<typeof lossScaleState>;

export class LossScale {
  #state: LossScaleState = { scale: FIRST_SCALE, goodSteps: 0 };

  /** What the loss is multiplied by. */
  get scale(): number {
    return this.#state.scale;
  }

  get state(): LossScaleState {
    return { ...this.#state };
  }

  load(state: LossScaleState): void {
    this.#state = { ...state };
  }

  /**
   * Divides the gradients of the leaves by the scale, in place. false: one of them is not finite, the step is to be left out, and the scale
   * was halved. @throws VALUE when halving does not help
   */
  unscale(leaves: Iterable<Tensor>): boolean {
    const grads = [...leaves].flatMap(({ grad }) => (grad ? [grad] : []));
    const { scale, goodSteps } = this.#state;
    if (grads.some((grad) => countNonFinite(grad) > 0)) {
      this.#state = { scale: scale / 2, goodSteps: 0 };
      if (this.scale < SMALLEST_SCALE) failForever();
      return false;
    }
    for (const grad of grads) scaleInPlace(grad, 1 / scale);
    const doubles = goodSteps + 1 === GROWTH_STEPS;
    this.#state = doubles ? { scale: scale * 2, goodSteps: 0 } : { scale, goodSteps: goodSteps + 1 };
    return true;
  }
}

function failForever(): never {
  fail("VALUE", {
    where: "training with float16 factors",
    expected: "finite gradients",
    got: "none at any loss scale",
    hint: "Lower the learning rate, check the input for NaN, or train with bfloat16.",
  });
}
