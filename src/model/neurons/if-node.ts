/** The integrate-and-fire neuron: a sum without leak. */
import { z } from "zod";
import { defineNeuron } from "./define.ts";
import {
  fireAndReset,
  GRADIENTS,
  gradientOf,
  membraneOptions,
  membraneParameters,
  membraneState,
  RESET_BELOW_THRESHOLD,
  RESETS,
  resetOf,
  resetsBelowThreshold,
  shiftToReset,
} from "./membrane.ts";

export const ifNode = defineNeuron({
  kind: "IFNode",
  summary: "Integrate and fire: the potential is the sum of the inputs since the last spike.",
  source: "SpikingJelly, activation_based/neuron.py, IFNode",
  options: z.strictObject(membraneOptions).refine(resetsBelowThreshold, RESET_BELOW_THRESHOLD),
  readings: ["float32", "half"],
  flags: { reset: RESETS, gradient: GRADIENTS },
  flagsOf: (options) => ({ reset: resetOf(options), gradient: gradientOf(options) }),
  state: membraneState,
  parameters: membraneParameters,
  derive: (w, { vThreshold, vReset }) => ({ vThreshold: w.constant(vThreshold), vReset: w.constant(vReset ?? 0) }),
  step: (w, { x, state }, p, flags) => fireAndReset(w, w.add(state.v, x), p, flags),
  threshold: ({ vThreshold }) => vThreshold,
  shifted: shiftToReset,
});
