/** The quadratic integrate-and-fire neuron. */
import { z } from "zod";
import { defineNeuron } from "./define.ts";
import {
  fireAndReset,
  GRADIENTS,
  gradientOf,
  membraneParameters,
  membraneState,
  nonlinearOptions,
  PLAIN_RESETS,
  plainResetOf,
  RESET_BELOW_THRESHOLD,
  resetsBelowThreshold,
  shiftToReset,
} from "./membrane.ts";

export const qifNode = defineNeuron({
  kind: "QIFNode",
  summary: "Quadratic integrate and fire: below vC the potential returns to vRest, above it grows by itself.",
  source: "SpikingJelly, activation_based/neuron.py, QIFNode (Gerstner et al., Neuronal Dynamics, 5.3)",
  options: z
    .strictObject({
      ...nonlinearOptions,
      vC: z.number().default(0.8).meta({ description: "critical potential", unit: "potential" }),
      a0: z.number().gt(0).default(1).meta({ description: "strength of the quadratic term", unit: "1/potential" }),
    })
    .refine(resetsBelowThreshold, RESET_BELOW_THRESHOLD),
  readings: ["float32", "half"],
  flags: { reset: PLAIN_RESETS, gradient: GRADIENTS },
  flagsOf: (options) => ({ reset: plainResetOf(options), gradient: gradientOf(options) }),
  state: membraneState,
  parameters: {
    rate: { meaning: "1 / tau" },
    a0: { meaning: "strength of the quadratic term" },
    vRest: { meaning: "resting potential" },
    vC: { meaning: "critical potential" },
    ...membraneParameters,
  },
  derive: (w, { tau, a0, vRest, vC, vThreshold, vReset }) => ({
    rate: w.constant(1 / tau),
    a0: w.constant(a0),
    vRest: w.constant(vRest),
    vC: w.constant(vC),
    vThreshold: w.constant(vThreshold),
    vReset: w.constant(vReset ?? 0),
  }),
  step(w, { x, state: { v } }, p, flags) {
    const growth = w.mul(w.mul(w.sub(v, p.vRest), p.a0), w.sub(v, p.vC));
    return fireAndReset(w, w.add(v, w.mul(w.add(x, growth), p.rate)), p, flags);
  },
  threshold: ({ vThreshold }) => vThreshold,
  shifted: (options) => ({
    ...shiftToReset(options),
    vRest: options.vRest - (options.vReset ?? 0),
    vC: options.vC - (options.vReset ?? 0),
  }),
});
