/** Rounding of the factors of convolutions and matrix products, and 16 bits for what they hand on, for training that trades digits for speed. */
import { fail } from "../core/index.ts";
import { type ActivationType, core, type DensePrecision } from "../kernels/index.ts";

export interface ActivationOptions {
  /**
   * "half": convolutions and linear layers give tensors of the precision's 16 bits, and what follows keeps the type where it has a form for
   * it (batch norm, neurons, pooling, sums and products of two tensors, moves); all else computes in float32. Gradients have the type of
   * their values, parameters and their gradients are float32. Default "float32".
   */
  activations?: "float32" | "half";
}

interface Setting {
  precision: DensePrecision;
  produced: ActivationType;
}

let current: Setting = { precision: "float32", produced: "float32" };

/** The type of what convolutions and linear layers give. */
export function producedType(): ActivationType {
  return current.produced;
}

/**
 * Runs `body` with the factors of every convolution and matrix product rounded to `precision`, forward and backward; sums, and all other
 * operations, stay float32. Spikes and weights of up to 8 significant bits (such as those of a network prepared for Loihi) are not changed
 * by rounding to bfloat16.
 */
export function withPrecision<T>(
  precision: DensePrecision,
  body: () => T,
  { activations = "float32" }: ActivationOptions = {},
): T {
  if (activations === "half" && precision === "float32") {
    const expected = "precision bfloat16 or float16 for activations of 16 bits";
    fail("OPTION", { where: "withPrecision", expected, got: `precision ${precision}` });
  }
  const before = current;
  const set = (wanted: Setting) => {
    core().setPrecision(wanted.precision);
    current = wanted;
  };
  set({ precision, produced: activations === "half" ? precision : "float32" });
  try {
    return body();
  } finally {
    set(before);
  }
}
