/** The exponential integrate-and-fire neuron. */
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

export const eifNode = defineNeuron({
  kind: "EIFNode",
  summary: "Exponential integrate and fire: a leak toward vRest and a rise that grows exponentially near thetaRh.",
  source: "SpikingJelly, activation_based/neuron.py, EIFNode (Gerstner et al., Neuronal Dynamics, 5.2)",
  options: z
    .strictObject({
      ...nonlinearOptions,
      deltaT: z.number().gt(0).default(1).meta({ description: "sharpness of the rise", unit: "potential" }),
      thetaRh: z.number().default(0.8).meta({ description: "potential where the rise sets in", unit: "potential" }),
    })
    .refine(resetsBelowThreshold, RESET_BELOW_THRESHOLD),
  readings: ["float32", "half"],
  flags: { reset: PLAIN_RESETS, gradient: GRADIENTS },
  flagsOf: (options) => ({ reset: plainResetOf(options), gradient: gradientOf(options) }),
  state: membraneState,
  parameters: {
    rate: { meaning: "1 / tau" },
    deltaT: { meaning: "sharpness of the rise" },
    thetaRh: { meaning: "potential where the rise sets in" },
    vRest: { meaning: "resting potential" },
    ...membraneParameters,
  },
  derive: (w, { tau, deltaT, thetaRh, vRest, vThreshold, vReset }) => ({
    rate: w.constant(1 / tau),
    deltaT: w.constant(deltaT),
    thetaRh: w.constant(thetaRh),
    vRest: w.constant(vRest),
    vThreshold: w.constant(vThreshold),
    vReset: w.constant(vReset ?? 0),
  }),
  step(w, { x, state: { v } }, p, flags) {
    const rise = w.mul(w.exponential(w.div(w.sub(v, p.thetaRh), p.deltaT)), p.deltaT);
    const change = w.add(w.sub(x, w.sub(v, p.vRest)), rise);
    return fireAndReset(w, w.add(v, w.mul(change, p.rate)), p, flags);
  },
  threshold: ({ vThreshold }) => vThreshold,
  shifted: (options) => ({
    ...shiftToReset(options),
    vRest: options.vRest - (options.vReset ?? 0),
    thetaRh: options.thetaRh - (options.vReset ?? 0),
  }),
});
