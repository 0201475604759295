/** Rounding of the factors of convolutions and matrix products, for training that trades digits for speed. */
import { core, type DensePrecision } from "../kernels/index.ts";

let current: DensePrecision = "float32";

/**
 * Runs `body` with the factors of every convolution and matrix product rounded to `precision`, forward and backward; sums, and all other
 * operations, stay float32. Spikes and weights of up to 8 significant bits (such as those of a network prepared for Loihi) are not changed
 * by rounding to bfloat16.
 */
export function withPrecision<T>(precision: DensePrecision, body: () => T): T {
  const before = current;
  const set = (wanted: DensePrecision) => {
    core().setPrecision(wanted);
    current = wanted;
  };
  set(precision);
  try {
    return body();
  } finally {
    set(before);
  }
}
