/**
 * The two integrators of Lava's current-based neuron, on the integer grid, shared by the whole neuron and its two
 * halves. One weight unit is `scale` weight steps and `64 * scale` grid steps. Sources: Lava DL (slayer, CUBA neuron)
 * for training arithmetic, Lava's fixed-point LIF model for the chip reading (24 bits; see the word `bound`).
 */
import { z } from "zod";
import {
  firingLimit,
  isDetached,
  isExchange,
  REFERENCE_RULES,
  type Reference,
  type Rule,
  THRESHOLD_MARGIN,
  truncatesThreshold,
} from "./cuba-reference.ts";
import type { Flags } from "./define.ts";
import type { ParameterWords, Words } from "./vocabulary.ts";

/** Grid steps of one weight step: the chip adds its input shifted left by 6 bits. */
const STEPS_PER_WEIGHT = 64;
/** A decay of 1 in the chip's 12 bits. */
const FULL_DECAY = 4096;

const decay = (what: string) =>
  z
    .number()
    .min(0)
    .max(1)
    .meta({ description: `share of the ${what} lost per step, rounded to 4096ths`, unit: "1/step" });

export const scaleOption = {
  scale: z
    .int()
    .min(1)
    .default(64)
    .meta({ description: "weight steps per unit; exact on the chip only for powers of two" }),
};
export const currentOptions = {
  currentDecay: decay("current"),
  storeISeq: z.boolean().default(false).meta({ description: "keep the current of all steps" }),
};
export const voltageOptions = {
  voltageDecay: decay("voltage"),
  vThreshold: z
    .number()
    .min(0)
    .default(1)
    .meta({ description: "the neuron fires at voltage > threshold", unit: "weight" }),
  truncateThreshold: z.boolean().optional().meta({
    description:
      "cut the threshold to whole weight steps, as Lava DL and the chip; default: unless the reference is spikingjelly",
  }),
  bias: z
    .number()
    .default(0)
    .meta({ description: "added to the voltage every step, cut to whole weight steps", unit: "weight" }),
  gradedSpike: z
    .boolean()
    .default(false)
    .meta({ description: "a spike carries the voltage it fired with; for training only, no file format holds it" }),
  resetGradient: z.enum(["full", "detached", "ignored"]).optional().meta({
    description:
      "full: true derivative; detached: the resetting spike is constant; ignored: as if never reset, slayer's default. Default: full",
  }),
};
export const learnOption = {
  requiresGrad: z.boolean().default(false).meta({ description: "the decays are learned" }),
  channels: z
    .int()
    .min(1)
    .optional()
    .meta({ description: "learned decays have one value for each of so many channels (slayer's shared_param=False)" }),
  persistentState: z
    .boolean()
    .default(false)
    .meta({ description: "a call continues from the last one's states without a gradient to it" }),
};

/** `learned`: the kernel also sums the gradient of the decays. */
export const DECAYS = ["fixed", "learned"] as const;

export interface ScaleOptions {
  scale: number;
}
export interface ThresholdOptions extends ScaleOptions {
  vThreshold: number;
  reference: Reference;
  truncateThreshold?: boolean | undefined;
  bias: number;
}

export const decaysOf = ({ requiresGrad }: { requiresGrad: boolean }) => (requiresGrad ? "learned" : "fixed");
const isLearned = (flags: Readonly<Record<string, string>>) => flags.decays === "learned";

export const scaleParameter = { gridScale: { meaning: "grid steps per unit, 64 scale" } } as const;
export const currentParameter = {
  currentDecay: { meaning: "current decay in 4096ths", grid: true, learned: isLearned },
} as const;
export const voltageParameters = {
  voltageDecay: { meaning: "voltage decay in 4096ths", grid: true, learned: isLearned },
  thresholdGrid: { meaning: "threshold in grid steps", grid: true },
  biasGrid: { meaning: "bias in grid steps", grid: true },
  center: { meaning: "potential at which the surrogate's argument is 0" },
} as const;

/**
 * Learned decays are stored as Lava DL and SpikingJelly store them: floats from 0 to 4096, rounded where they are used.
 */
export const learnedDecay = <K extends string>(option: K) => ({
  meaning: "decay in 4096ths, 0 to 4096, used as the nearest whole number (halves to even)",
  initial: (options: Readonly<Record<K, number>>) => options[option] * FULL_DECAY,
});

export function deriveDecay<E>(
  w: ParameterWords<E>,
  fraction: number,
  { learned, reference }: { learned: E | undefined; reference: Reference },
): E {
  const decay = w.roundEven(w.clamp(learned ?? w.constant(fraction * FULL_DECAY), 0, FULL_DECAY));
  const { decayFactor } = REFERENCE_RULES[reference];
  return decayFactor === 1 ? decay : w.scaleGradient(decay, decayFactor);
}

/**
 * Options with learned decays (by checkpoint name) written into them, clamped to the chip's range. A graph holds what the chip computes:
 * nothing of how the gradient was taken.
 */
export function freezeDecays<
  O extends Readonly<Partial<Record<"currentDecay" | "voltageDecay", number>>> & {
    reference: Reference;
    truncateThreshold?: boolean | undefined;
  },
>(options: O, { current_decay, voltage_decay }: Readonly<Record<string, number>>): O {
  const fraction = (learned: number) => Math.min(FULL_DECAY, Math.max(0, learned)) / FULL_DECAY;
  return {
    ...options,
    ...(current_decay === undefined ? {} : { currentDecay: fraction(current_decay) }),
    ...(voltage_decay === undefined ? {} : { voltageDecay: fraction(voltage_decay) }),
    ...("vThreshold" in options ? { truncateThreshold: truncatesThreshold(options) } : {}),
    reference: "chip",
    requiresGrad: false,
  };
}

export function deriveScale<E>(w: ParameterWords<E>, { scale }: ScaleOptions): { gridScale: E } {
  return { gridScale: w.constant(STEPS_PER_WEIGHT * scale) };
}

/** Threshold as trained: whole weight steps, or as given. */
export function effectiveThreshold(options: ThresholdOptions): number {
  const { vThreshold, scale } = options;
  return truncatesThreshold(options) ? Math.trunc(vThreshold * scale) / scale : vThreshold;
}

export function deriveVoltage<E>(
  w: ParameterWords<E>,
  options: ThresholdOptions,
): Record<"gridScale" | "thresholdGrid" | "biasGrid" | "center", E> {
  const grid = STEPS_PER_WEIGHT * options.scale;
  const threshold = effectiveThreshold(options);
  return {
    ...deriveScale(w, options),
    thresholdGrid: w.constant(firingLimit(options.reference, threshold, grid)),
    biasGrid: w.constant(STEPS_PER_WEIGHT * Math.trunc(options.bias * options.scale)),
    center: w.constant(threshold + THRESHOLD_MARGIN / grid),
  };
}

/** current' = wrap(shift12(current (4096 - decay)) + input) */
export function integrateCurrent<E>(
  w: Words<E>,
  { x, current }: { x: E; current: E },
  p: Readonly<Record<"gridScale" | "currentDecay", E>>,
): E {
  const sum = w.addGrid(w.decayFixed(current, p.currentDecay), w.toGrid(x, p.gridScale));
  return w.charged("chargedCurrent", w.bound(sum, "wrap"));
}

/** A state as the next step reads it: by the exchange rule it was a float in between. */
export function stateBefore<E>(w: Words<E>, state: E, p: Readonly<Record<"gridScale", E>>, rule: Rule): E {
  return isExchange(rule) ? w.throughReal(state, p.gridScale) : state;
}

/**
 * voltage' = saturate(shift12(voltage (4096 - decay)) + input + bias); fires strictly above the threshold, then 0. By slayer's rule
 * everything that learns hangs on `output`, the voltage before reset; by the exchange rule states are floats between two steps.
 */
export function integrateVoltage<E>(
  w: Words<E>,
  { input, voltage, output }: { input: E; voltage: E; output?: E | undefined },
  p: Readonly<Record<"gridScale" | "voltageDecay" | "thresholdGrid" | "biasGrid" | "center", E>>,
  rule: Rule,
): { spike: E; voltage: E; output?: E } {
  const leaked = w.decayFixed(stateBefore(w, voltage, p, rule), p.voltageDecay);
  const followed = rule === "slayer" ? w.straightThrough(leaked, w.decayFixed(output!, p.voltageDecay)) : leaked;
  const sum = w.addGrid(w.addGrid(followed, input), p.biasGrid);
  const charged = w.charged("charged", w.bound(sum, "saturate"));
  const argument = w.sub(w.fromGrid(charged, p.gridScale), p.center);
  const spike = w.spike({ value: charged, threshold: p.thresholdGrid, strict: true, argument });
  const open = w.sub(w.constant(1), isDetached(rule) || rule === "ignored" ? w.hold(spike) : spike);
  const kept = w.gate(charged, open);
  if (rule === "slayer") return { spike, voltage: w.hold(kept), output: charged };
  return { spike, voltage: rule === "ignored" ? w.straightThrough(kept, charged) : kept };
}

/** State that slayer's rule adds: where its gradients run, and what its decay gradient is made of. */
export const outputState = {
  output: {
    meaning: "voltage before reset, in slayer's rule only",
    initial: () => 0,
    only: ({ gradient }: Flags) => gradient === "slayer",
  },
};
