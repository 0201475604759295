/**
 * SpikingJelly's norm, which stands inside the current's recurrence: the normalised current is what decays, and each step has statistics of
 * its own. Lava DL and the chip normalise behind the integrator (docs/loihi-training.md, discrepancies 6 and 15).
 */
import type { ForwardContext, Layer } from "../../model/index.ts";
import { concat, reshape, scale, slice, type Tensor, trunc } from "../../tensor/index.ts";

export interface NormedNeuron {
  current: Layer;
  norm: Layer;
  voltage: Layer;
  /** Grid steps per unit. */
  gridScale: number;
}

/** x: drive of the neuron, `[T, N, ...]` in step mode m, `[N, ...]` in step mode s. Returns its spikes in the same form. */
export function forwardNormInside(x: Tensor, parts: NormedNeuron, context: ForwardContext): Tensor {
  if (parts.current.stepMode === "s") return step(x, parts, context);
  const spikes = Array.from({ length: x.shape[0]! }, (_, t) => step(slice(x, 0, t, t + 1), parts, context));
  return concat(spikes, 0);
}

/** One step, with or without the time axis. */
function step(x: Tensor, { current, norm, voltage, gridScale }: NormedNeuron, context: ForwardContext): Tensor {
  const normed = norm.forward(current.forward(x, context), context);
  // the next step reads the state as a whole number of grid steps, cut toward zero
  const state = scale(trunc(scale(normed, gridScale)), 1 / gridScale);
  current.remember("current", current.stepMode === "m" ? reshape(state, state.shape.slice(1)) : state);
  return voltage.forward(normed, context);
}
