/** Lava's current-based leaky integrate-and-fire neuron in its own integer arithmetic. */
import { z } from "zod";
import * as cuba from "./cuba.ts";
import { isLegal, RULES, referenceOption, referenceSurrogate, ruleOf } from "./cuba-reference.ts";
import { defineNeuron } from "./define.ts";

export const cubaLifNode = defineNeuron({
  kind: "CubaLIFNode",
  summary: "Current and voltage integrators on an integer grid with 12-bit decays; fires strictly above the threshold.",
  source:
    "Lava DL, slayer/neuron/cuba.py; SpikingJelly, activation_based/lava_exchange.py; Lava, proc/lif (fixed point)",
  options: z.strictObject({
    ...cuba.currentOptions,
    ...cuba.voltageOptions,
    ...cuba.scaleOption,
    ...cuba.learnOption,
    ...referenceOption,
  }),
  readings: ["float32", "chip"],
  flags: { gradient: RULES, decays: cuba.DECAYS },
  legal: isLegal,
  flagsOf: (options) => ({ gradient: ruleOf(options), decays: cuba.decaysOf(options) }),
  state: {
    current: { meaning: "synaptic current, weight units", initial: () => 0 },
    voltage: { meaning: "membrane potential after reset, weight units", initial: () => 0 },
    ...cuba.outputState,
  },
  parameters: { ...cuba.scaleParameter, ...cuba.currentParameter, ...cuba.voltageParameters },
  learned: ({ requiresGrad }): Record<string, ReturnType<typeof cuba.learnedDecay<"currentDecay" | "voltageDecay">>> =>
    requiresGrad
      ? { current_decay: cuba.learnedDecay("currentDecay"), voltage_decay: cuba.learnedDecay("voltageDecay") }
      : {},
  derive: (w, options, learned) => ({
    ...cuba.deriveVoltage(w, options),
    currentDecay: cuba.deriveDecay(w, options.currentDecay, { ...options, learned: learned.current_decay }),
    voltageDecay: cuba.deriveDecay(w, options.voltageDecay, { ...options, learned: learned.voltage_decay }),
  }),
  step(w, { x, state }, p, flags) {
    const before = cuba.stateBefore(w, state.current, p, flags.gradient);
    const current = cuba.integrateCurrent(w, { x, current: before }, p);
    const input = w.throughReal(current, p.gridScale);
    const { spike, ...rest } = cuba.integrateVoltage(w, { input, ...state }, p, flags.gradient);
    return { spike, state: { current, ...rest } as Record<keyof typeof state, typeof current> };
  },
  gridScale: "gridScale",
  threshold: cuba.effectiveThreshold,
  defaultSurrogate: referenceSurrogate,
  freeze: (options, learned) => ({ kind: "CubaLIFNode", options: cuba.freezeDecays(options, learned) }),
});
