/** Graded spikes with Lava DL's gradient. With true gradients a graded spike is the product spike * potential, and needs no operation. */
import { exp, minimum, mul, record, scale, sub, type Tensor } from "../../tensor/index.ts";

/**
 * spike * potential, both `[T, N, ...]`. Backward is slayer's: `s exp(min(v - threshold, 0) / t)` to the potential, with s = 0.1 scaleGrad and
 * t = 100 tauGrad threshold, and nothing through the spike. Source: Lava DL, slayer/spike (graded), with the constants of its CUBA neuron.
 */
export function gradedSpikes(
  spike: Tensor,
  potential: Tensor,
  { threshold, tauGrad = 1, scaleGrad = 1 }: { threshold: number; tauGrad?: number; scaleGrad?: number },
): Tensor {
  const values = mul(spike.detach(), potential.detach());
  return record("gradedSpikes", [potential], values, [potential], (grad, [held]) => {
    const slope = exp(scale(minimum(sub(held!, threshold), 0), 1 / (100 * tauGrad * threshold)));
    return [scale(mul(grad, slope), 0.1 * scaleGrad)];
  });
}
