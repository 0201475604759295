/**
 * The first half of CubaLIFNode: the current alone, for networks with a norm between current and voltage. It never
 * fires.
 */
import { z } from "zod";
import * as cuba from "./cuba.ts";
import { referenceOption } from "./cuba-reference.ts";
import { defineNeuron } from "./define.ts";

export const cubaCurrent = defineNeuron({
  kind: "CubaCurrent",
  summary: "The current integrator of CubaLIFNode; its output is the sequence of the current.",
  source: "Lava DL, slayer/neuron/cuba.py",
  options: z.strictObject({ ...cuba.currentOptions, ...cuba.scaleOption, ...cuba.learnOption, ...referenceOption }),
  readings: ["float32", "chip"],
  flags: { decays: cuba.DECAYS },
  flagsOf: (options) => ({ decays: cuba.decaysOf(options) }),
  state: { current: { meaning: "synaptic current, weight units", initial: () => 0 } },
  parameters: { ...cuba.scaleParameter, ...cuba.currentParameter },
  learned: ({ requiresGrad }): Record<string, ReturnType<typeof cuba.learnedDecay<"currentDecay">>> =>
    requiresGrad ? { current_decay: cuba.learnedDecay("currentDecay") } : {},
  derive: (w, options, learned) => ({
    ...cuba.deriveScale(w, options),
    currentDecay: cuba.deriveDecay(w, options.currentDecay, { ...options, learned: learned.current_decay }),
  }),
  step: (w, { x, state }, p) => ({
    state: { current: cuba.integrateCurrent(w, { x, current: state.current }, p) },
  }),
  gridScale: "gridScale",
  freeze: (options, learned) => ({ kind: "CubaCurrent", options: cuba.freezeDecays(options, learned) }),
});
