/** The k-based leaky integrate-and-fire neuron: a LIF whose potential is scaled by a learned k and cut below 0 before it fires. */
import { z } from "zod";
import { defineNeuron } from "./define.ts";
import {
  GRADIENTS,
  gradientOf,
  leakParameters,
  leakyCharge,
  membraneOptions,
  membraneParameters,
  membraneState,
  PLAIN_RESETS,
  plainResetOf,
  RESET_BELOW_THRESHOLD,
  resetsBelowThreshold,
} from "./membrane.ts";

export const klifNode = defineNeuron({
  kind: "KLIFNode",
  summary: "Leaky integrate and fire on relu(k H) with a learned k; potentials are never negative when it fires.",
  source: "SpikingJelly, activation_based/neuron.py, KLIFNode (arXiv 2302.09238)",
  options: z
    .strictObject({
      scaleReset: z.boolean().default(false).meta({ description: "the potential is divided by k again at the reset" }),
      tau: z.number().min(1).default(2).meta({ description: "membrane time constant", unit: "steps" }),
      decayInput: z.boolean().default(true).meta({ description: "the input is divided by tau as well" }),
      k: z.number().default(1).meta({ description: "factor of the potential before training" }),
      ...membraneOptions,
    })
    .refine(resetsBelowThreshold, RESET_BELOW_THRESHOLD),
  readings: ["float32", "half"],
  flags: { reset: PLAIN_RESETS, gradient: GRADIENTS },
  flagsOf: (options) => ({ reset: plainResetOf(options), gradient: gradientOf(options) }),
  state: membraneState,
  parameters: {
    ...leakParameters(false),
    ...membraneParameters,
    k: { meaning: "factor of the potential", learned: true },
    divisor: { meaning: "k with scaleReset, else 1", learned: true },
  },
  learned: () => ({ k: { meaning: "factor of the potential", initial: ({ k }) => k } }),
  derive: (w, { tau, decayInput, scaleReset, vThreshold, vReset }, { k }) => ({
    keep: w.constant(1 - 1 / tau),
    rate: w.constant(decayInput ? 1 / tau : 1),
    pull: w.constant((1 / tau) * (vReset ?? 0)),
    vThreshold: w.constant(vThreshold),
    vReset: w.constant(vReset ?? 0),
    k: k!,
    divisor: scaleReset ? k! : w.constant(1),
  }),
  step(w, { x, state }, p, flags) {
    const integrated = w.charged("integrated", leakyCharge(w, { x, v: state.v }, p, { ...flags, drive: "input" }));
    const f = w.charged("charged", w.relu(w.mul(integrated, p.k)));
    const spike = w.spike({ value: f, threshold: p.vThreshold, strict: false });
    const resets = flags.gradient === "detached" ? w.hold(spike) : spike;
    if (flags.reset === "soft") {
      return { spike, state: { v: w.div(w.sub(f, w.mul(resets, p.vThreshold)), p.divisor) } };
    }
    const kept = w.mul(w.div(f, p.divisor), w.sub(w.constant(1), resets));
    return { spike, state: { v: w.add(kept, w.mul(resets, p.vReset)) } };
  },
  threshold: ({ vThreshold }) => vThreshold,
  freeze: (options, { k }) => ({ kind: "KLIFNode", options: { ...options, k: k! } }),
});
