/** The current-based leaky integrate-and-fire neuron in floats. Lava's neuron on the integer grid is `cuba-lif-node.ts`. */
import { z } from "zod";
import { defineNeuron } from "./define.ts";
import {
  fireAndReset,
  GRADIENTS,
  gradientOf,
  membraneOptions,
  membraneParameters,
  membraneState,
  PLAIN_RESETS,
  plainResetOf,
  RESET_BELOW_THRESHOLD,
  resetsBelowThreshold,
} from "./membrane.ts";

const share = (what: string) =>
  z
    .number()
    .min(0)
    .max(1)
    .meta({ description: `share of the ${what} kept per step` });

export const currentBasedLifNode = defineNeuron({
  kind: "CUBALIFNode",
  summary: "Current-based LIF in floats: the input feeds a decaying current, the current feeds a decaying potential.",
  source: "SpikingJelly, activation_based/neuron.py, CUBALIFNode",
  options: z
    .strictObject({
      cDecay: share("current").default(0.5),
      vDecay: share("potential").default(0.75),
      ...membraneOptions,
      vThreshold: membraneOptions.vThreshold.default(0.5),
    })
    .refine(resetsBelowThreshold, RESET_BELOW_THRESHOLD),
  readings: ["float32", "half"],
  flags: { reset: PLAIN_RESETS, gradient: GRADIENTS },
  flagsOf: (options) => ({ reset: plainResetOf(options), gradient: gradientOf(options) }),
  state: { c: { meaning: "synaptic current, unit of the input", initial: () => 0 }, ...membraneState },
  parameters: {
    cDecay: { meaning: "share of the current kept per step" },
    vDecay: { meaning: "share of the potential kept per step" },
    ...membraneParameters,
  },
  derive: (w, { cDecay, vDecay, vThreshold, vReset }) => ({
    cDecay: w.constant(cDecay),
    vDecay: w.constant(vDecay),
    vThreshold: w.constant(vThreshold),
    vReset: w.constant(vReset ?? 0),
  }),
  step(w, { x, state }, p, flags) {
    const c = w.charged("current", w.add(w.decay(state.c, p.cDecay), x));
    const { spike, state: fired } = fireAndReset(w, w.add(w.decay(state.v, p.vDecay), c), p, flags);
    return { spike, state: { c, v: fired.v } };
  },
  threshold: ({ vThreshold }) => vThreshold,
});
