/** The second half of CubaLIFNode: voltage, firing and reset, fed with a current that a norm may have changed. */
import { z } from "zod";
import * as cuba from "./cuba.ts";
import { isLegal, RULES, referenceOption, referenceSurrogate, ruleOf } from "./cuba-reference.ts";
import { defineNeuron } from "./define.ts";

export const cubaVoltage = defineNeuron({
  kind: "CubaVoltage",
  summary: "The voltage integrator of CubaLIFNode; its input is a current in weight units.",
  source: "Lava DL, slayer/neuron/cuba.py",
  options: z.strictObject({ ...cuba.voltageOptions, ...cuba.scaleOption, ...cuba.learnOption, ...referenceOption }),
  readings: ["float32", "chip"],
  flags: { gradient: RULES, decays: cuba.DECAYS },
  legal: isLegal,
  flagsOf: (options) => ({ gradient: ruleOf(options), decays: cuba.decaysOf(options) }),
  state: {
    voltage: { meaning: "membrane potential after reset, weight units", initial: () => 0 },
    ...cuba.outputState,
  },
  parameters: { ...cuba.scaleParameter, ...cuba.voltageParameters },
  learned: ({ requiresGrad }): Record<string, ReturnType<typeof cuba.learnedDecay<"voltageDecay">>> =>
    requiresGrad ? { voltage_decay: cuba.learnedDecay("voltageDecay") } : {},
  derive: (w, options, learned) => ({
    ...cuba.deriveVoltage(w, options),
    voltageDecay: cuba.deriveDecay(w, options.voltageDecay, { ...options, learned: learned.voltage_decay }),
  }),
  step(w, { x, state }, p, flags) {
    const input = w.toGrid(x, p.gridScale);
    const { spike, ...rest } = cuba.integrateVoltage(w, { input, ...state }, p, flags.gradient);
    return { spike, state: rest as Record<keyof typeof state, typeof input> };
  },
  gridScale: "gridScale",
  threshold: cuba.effectiveThreshold,
  defaultSurrogate: referenceSurrogate,
  freeze: (options, learned) => ({ kind: "CubaVoltage", options: cuba.freezeDecays(options, learned) }),
});
