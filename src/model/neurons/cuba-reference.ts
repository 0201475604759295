/**
 * Where the training frameworks for Loihi differ from the chip and from each other: one table, selected by the option `reference`.
 * docs/loihi-training.md explains each row. Discrepancy numbers are those of that page.
 */
import { z } from "zod";
import type { Flags } from "./define.ts";

/** chip: what the chip computes, with true derivatives. slayer: Lava DL's training. spikingjelly: SpikingJelly's `lava_exchange`. */
export const REFERENCES = ["chip", "slayer", "spikingjelly"] as const;
export type Reference = (typeof REFERENCES)[number];

type ResetGradient = "full" | "detached" | "ignored";

export interface ReferenceRules {
  /** Surrogate function of neurons that name none; null: the usual one. */
  surrogate: { kind: string } | null;
  /** How the reset counts in the gradient where the options do not say (5). */
  resetGradient: ResetGradient;
  /** The gradient of a decay in 4096ths, as a multiple of the derivative (5). */
  decayFactor: number;
  /** Fires where float32 says "at least threshold plus a hundredth of a grid step"; else where whole numbers say "above" (10). */
  comparesFloats: boolean;
  /** The threshold is cut to whole weight steps where the options do not say (1). */
  truncatesThreshold: boolean;
  /** States are float32 between two steps, and lose a step where the scale is no power of two (9). */
  floatStates: boolean;
  /** Stored sequences of the voltage are those before reset. */
  storesVoltageBeforeReset: boolean;
  /** Largest weight in steps of 1/scale (2). */
  weightMax: number;
  /** A norm stands inside the current's recurrence and sees one step at a time; else behind it, over the whole sequence (6, 15). */
  normInside: boolean;
  /** A block's output comes one step late where the options do not say (30). */
  delayShift: boolean;
  /** A block keeps surrogate and detachReset of the IF or LIF neuron that it is given (3). */
  keepsGivenGradient: boolean;
  /** A recurrent block's states carry no gradient from step to step; its spikes do. */
  detachesRecurrentState: boolean;
}

const CHIP: ReferenceRules = {
  surrogate: null,
  resetGradient: "full",
  decayFactor: 1,
  comparesFloats: false,
  truncatesThreshold: true,
  floatStates: false,
  storesVoltageBeforeReset: false,
  weightMax: 254,
  normInside: false,
  delayShift: false,
  keepsGivenGradient: true,
  detachesRecurrentState: false,
};

/** What each reference does. Sources: Lava DL 0.7 (slayer), SpikingJelly 0.0.0.0.15 (activation_based/lava_exchange). */
export const REFERENCE_RULES: Readonly<Record<Reference, ReferenceRules>> = {
  chip: CHIP,
  slayer: {
    ...CHIP,
    surrogate: { kind: "LavaExponential" },
    resetGradient: "ignored",
    decayFactor: -4096,
    comparesFloats: true,
    storesVoltageBeforeReset: true,
    delayShift: true,
    detachesRecurrentState: true,
  },
  spikingjelly: {
    ...CHIP,
    comparesFloats: true,
    truncatesThreshold: false,
    floatStates: true,
    weightMax: 255,
    normInside: true,
    keepsGivenGradient: false,
  },
};

export const referenceOption = {
  reference: z.enum(REFERENCES).default("chip").meta({
    description:
      "whose training arithmetic: chip (true derivatives), slayer (Lava DL) or spikingjelly (lava_exchange, as it is)",
  }),
};

/**
 * Rules of a neuron's variant: how the reset counts in the gradient, slayer's learned decays, and the exchange module's float states.
 */
export const RULES = ["full", "detached", "ignored", "slayer", "exchange", "exchangeDetached"] as const;
export type Rule = (typeof RULES)[number];

export interface RuleOptions {
  reference: Reference;
  resetGradient?: ResetGradient | undefined;
  requiresGrad: boolean;
}

export function ruleOf({ reference, resetGradient, requiresGrad }: RuleOptions): Rule {
  const rules = REFERENCE_RULES[reference];
  const gradient = resetGradient ?? rules.resetGradient;
  if (gradient === "ignored") return requiresGrad && rules.decayFactor !== 1 ? "slayer" : "ignored";
  if (!rules.floatStates) return gradient;
  return gradient === "full" ? "exchange" : "exchangeDetached";
}

/** slayer's rule of the decays needs decays that are learned; it is that of `ignored` otherwise. */
export const isLegal = ({ gradient, decays }: Flags): boolean => gradient !== "slayer" || decays === "learned";

export const isDetached = (rule: Rule): boolean => rule === "detached" || rule === "exchangeDetached";
export const isExchange = (rule: Rule): boolean => rule === "exchange" || rule === "exchangeDetached";

/** Both frameworks raise the threshold by a hundredth of a grid step, which turns "at least" into "above". */
export const THRESHOLD_MARGIN = 0.01;

/** The chip's largest threshold is 2^23 grid steps; float32 counts in steps of 256 here. */
const BEYOND_ANY_CHIP = 2 ** 31;

/**
 * The grid number above which a neuron fires. In float32 the margin vanishes from 4096 weight steps up: there the frameworks fire at
 * equality, the chip does not.
 */
export function firingLimit(reference: Reference, threshold: number, grid: number): number {
  const whole = Math.floor(threshold * grid + THRESHOLD_MARGIN);
  if (!REFERENCE_RULES[reference].comparesFloats || whole > BEYOND_ANY_CHIP) return whole;
  const raised = Math.fround(threshold + THRESHOLD_MARGIN / grid);
  const fires = (i: number) => Math.fround(Math.fround(i) / Math.fround(grid)) >= raised;
  let limit = whole;
  while (fires(limit)) limit -= 1;
  while (!fires(limit + 1)) limit += 1;
  return limit;
}

export function truncatesThreshold(options: {
  reference: Reference;
  truncateThreshold?: boolean | undefined;
}): boolean {
  return options.truncateThreshold ?? REFERENCE_RULES[options.reference].truncatesThreshold;
}

export function referenceSurrogate({ reference }: { reference: Reference }): { kind: string } | null {
  return REFERENCE_RULES[reference].surrogate;
}
