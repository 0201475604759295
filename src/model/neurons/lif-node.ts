/** The leaky integrate-and-fire neuron with a fixed time constant. */
import { z } from "zod";
import { defineNeuron } from "./define.ts";
import {
  DRIVES,
  fireAndReset,
  GRADIENTS,
  gradientOf,
  leakParameters,
  leakyCharge,
  membraneOptions,
  membraneParameters,
  membraneState,
  RESET_BELOW_THRESHOLD,
  RESETS,
  resetOf,
  resetsBelowThreshold,
  shiftToReset,
} from "./membrane.ts";

export const lifNode = defineNeuron({
  kind: "LIFNode",
  summary: "Leaky integrate and fire: the potential returns to vReset with time constant tau.",
  source: "SpikingJelly, activation_based/neuron.py, LIFNode",
  options: z
    .strictObject({
      tau: z.number().min(1).default(2).meta({ description: "membrane time constant", unit: "steps" }),
      decayInput: z.boolean().default(true).meta({ description: "the input is divided by tau as well" }),
      ...membraneOptions,
    })
    .refine(resetsBelowThreshold, RESET_BELOW_THRESHOLD),
  readings: ["float32", "half"],
  flags: { reset: RESETS, drive: DRIVES, gradient: GRADIENTS },
  flagsOf: (options) => ({
    reset: resetOf(options),
    drive: options.decayInput ? "input" : "direct",
    gradient: gradientOf(options),
  }),
  state: membraneState,
  parameters: { ...leakParameters(false), ...membraneParameters },
  derive: (w, { tau, vThreshold, vReset }) => ({
    keep: w.constant(1 - 1 / tau),
    rate: w.constant(1 / tau),
    pull: w.constant((1 / tau) * (vReset ?? 0)),
    vThreshold: w.constant(vThreshold),
    vReset: w.constant(vReset ?? 0),
  }),
  step: (w, { x, state }, p, flags) => fireAndReset(w, leakyCharge(w, { x, v: state.v }, p, flags), p, flags),
  threshold: ({ vThreshold }) => vThreshold,
  shifted: shiftToReset,
});
