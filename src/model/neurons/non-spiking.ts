/** Integrators that never fire, for the last layer of a network: their output is the sequence of the potential. */
import { z } from "zod";
import { defineNeuron } from "./define.ts";
import { leakParameters } from "./membrane.ts";

const state = { v: { meaning: "membrane potential, unit of the input", initial: () => 0 } };
const { keep, rate } = leakParameters(false);

export const nonSpikingIfNode = defineNeuron({
  kind: "NonSpikingIFNode",
  summary: "A sum of the inputs without leak, threshold and reset; its output is the potential after each step.",
  source: "SpikingJelly, activation_based/neuron.py, NonSpikingIFNode",
  options: z.strictObject({}),
  readings: ["float32", "half"],
  flags: {},
  flagsOf: () => ({}),
  state,
  parameters: {},
  derive: () => ({}),
  step: (w, { x, state: { v } }) => ({ state: { v: w.charged("charged", w.add(v, x)) } }),
});

export const nonSpikingLifNode = defineNeuron({
  kind: "NonSpikingLIFNode",
  summary: "A leaky sum of the inputs without threshold and reset; its output is the potential after each step.",
  source: "SpikingJelly, activation_based/neuron.py, NonSpikingLIFNode",
  options: z.strictObject({
    tau: z.number().min(1).default(2).meta({ description: "membrane time constant", unit: "steps" }),
  }),
  readings: ["float32", "half"],
  flags: {},
  flagsOf: () => ({}),
  state,
  parameters: { keep, rate },
  derive: (w, { tau }) => ({ keep: w.constant(1 - 1 / tau), rate: w.constant(1 / tau) }),
  step: (w, { x, state: { v } }, p) => ({
    state: { v: w.charged("charged", w.add(w.decay(v, p.keep), w.mul(x, p.rate))) },
  }),
});
