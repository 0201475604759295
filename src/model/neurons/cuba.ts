/**
 * The two integrators of Lava's current-based neuron, on the integer grid, shared by the whole neuron and its two
 * halves. One weight unit is `scale` weight steps and `64 * scale` grid steps. Sources: Lava DL (slayer, CUBA neuron)
 * for training arithmetic, Lava's fixed-point LIF model for the chip reading (24 bits; see the word `bound`).
 */
import { z } from "zod";
import type { ParameterWords, Words } from "./vocabulary.ts";

/** Grid steps of one weight step: the chip adds its input shifted left by 6 bits. */
const STEPS_PER_WEIGHT = 64;
/** A decay of 1 in the chip's 12 bits. */
const FULL_DECAY = 4096;
/** Lava DL and SpikingJelly raise the threshold by a hundredth of a grid step, which turns "at least" into "above". */
const THRESHOLD_MARGIN = 0.01;

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
export const currentOptions = { currentDecay: decay("current") };
export const voltageOptions = {
  voltageDecay: decay("voltage"),
  vThreshold: z
    .number()
    .min(0)
    .default(1)
    .meta({ description: "the neuron fires at voltage > threshold", unit: "weight" }),
  truncateThreshold: z.boolean().default(true).meta({
    description:
      "cut the threshold to whole weight steps, as Lava DL and the chip; false: SpikingJelly's exchange module",
  }),
  bias: z
    .number()
    .default(0)
    .meta({ description: "added to the voltage every step, cut to whole weight steps", unit: "weight" }),
  resetGradient: z.enum(["full", "detached", "ignored"]).default("full").meta({
    description:
      "full: true derivative; detached: the resetting spike is constant; ignored: as if never reset (Lava DL)",
  }),
};
export const learnOption = {
  requiresGrad: z.boolean().default(false).meta({ description: "the decays are learned" }),
};

export const RESET_GRADIENTS = ["full", "detached", "ignored"] as const;
/** `learned`: the kernel also sums the gradient of the decays. */
export const DECAYS = ["fixed", "learned"] as const;

export interface ScaleOptions {
  scale: number;
}
export interface ThresholdOptions extends ScaleOptions {
  vThreshold: number;
  truncateThreshold: boolean;
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

export function deriveDecay<E>(w: ParameterWords<E>, fraction: number, learned: E | undefined): E {
  return w.roundEven(w.clamp(learned ?? w.constant(fraction * FULL_DECAY), 0, FULL_DECAY));
}

/** Options with learned decays (by checkpoint name) written into them, clamped to the chip's range. */
export function freezeDecays<O extends Readonly<Partial<Record<"currentDecay" | "voltageDecay", number>>>>(
  options: O,
  { current_decay, voltage_decay }: Readonly<Record<string, number>>,
): O {
  const fraction = (learned: number) => Math.min(FULL_DECAY, Math.max(0, learned)) / FULL_DECAY;
  return {
    ...options,
    ...(current_decay === undefined ? {} : { currentDecay: fraction(current_decay) }),
    ...(voltage_decay === undefined ? {} : { voltageDecay: fraction(voltage_decay) }),
    requiresGrad: false,
  };
}

export function deriveScale<E>(w: ParameterWords<E>, { scale }: ScaleOptions): { gridScale: E } {
  return { gridScale: w.constant(STEPS_PER_WEIGHT * scale) };
}

/** Threshold as trained: whole weight steps, or as given. */
export function effectiveThreshold({ vThreshold, truncateThreshold, scale }: ThresholdOptions): number {
  return truncateThreshold ? Math.trunc(vThreshold * scale) / scale : vThreshold;
}

export function deriveVoltage<E>(
  w: ParameterWords<E>,
  options: ThresholdOptions,
): Record<"gridScale" | "thresholdGrid" | "biasGrid" | "center", E> {
  const grid = STEPS_PER_WEIGHT * options.scale;
  const threshold = effectiveThreshold(options);
  return {
    ...deriveScale(w, options),
    // Whole numbers compare strictly, so no margin is left to vanish in float32 (Lava DL fires at equality from 4096
    // weight steps up).
    thresholdGrid: w.constant(Math.floor(threshold * grid + THRESHOLD_MARGIN)),
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

/** voltage' = saturate(shift12(voltage (4096 - decay)) + input + bias); fires strictly above the threshold, then 0. */
export function integrateVoltage<E>(
  w: Words<E>,
  { input, voltage }: { input: E; voltage: E },
  p: Readonly<Record<"gridScale" | "voltageDecay" | "thresholdGrid" | "biasGrid" | "center", E>>,
  gradient: (typeof RESET_GRADIENTS)[number],
): { spike: E; voltage: E } {
  const sum = w.addGrid(w.addGrid(w.decayFixed(voltage, p.voltageDecay), input), p.biasGrid);
  const charged = w.charged("charged", w.bound(sum, "saturate"));
  const argument = w.sub(w.fromGrid(charged, p.gridScale), p.center);
  const spike = w.spike({ value: charged, threshold: p.thresholdGrid, strict: true, argument });
  const kept = w.gate(charged, w.sub(w.constant(1), gradient === "full" ? spike : w.hold(spike)));
  return { spike, voltage: gradient === "ignored" ? w.straightThrough(kept, charged) : kept };
}
