/** The leaky integrate-and-fire neuron whose time constant is learned: 1 / tau = sigmoid(w). */
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

export const parametricLifNode = defineNeuron({
  kind: "ParametricLIFNode",
  summary: "Leaky integrate and fire with one learned scalar w: 1/tau = sigmoid(w).",
  source: "Fang et al., Incorporating Learnable Membrane Time Constant, ICCV 2021; SpikingJelly, ParametricLIFNode",
  options: z
    .strictObject({
      initTau: z.number().gt(1).default(2).meta({ description: "time constant before training", unit: "steps" }),
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
  parameters: { ...leakParameters(true), ...membraneParameters },
  learned: () => ({ w: { meaning: "1/tau = sigmoid(w)", initial: ({ initTau }) => -Math.log(initTau - 1) } }),
  derive(words, { vThreshold, vReset }, { w }) {
    const rate = words.sigmoid(w!);
    return {
      keep: words.sub(words.constant(1), rate),
      rate,
      pull: words.mul(rate, words.constant(vReset ?? 0)),
      vThreshold: words.constant(vThreshold),
      vReset: words.constant(vReset ?? 0),
    };
  },
  step: (w, { x, state }, p, flags) => fireAndReset(w, leakyCharge(w, { x, v: state.v }, p, flags), p, flags),
  threshold: ({ vThreshold }) => vThreshold,
  freeze({ initTau: _, ...options }, { w }) {
    return { kind: "LIFNode", options: { tau: 1 + Math.exp(-w!), ...options } };
  },
  shifted: shiftToReset,
});
