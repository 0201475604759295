/** What the membrane neurons share: firing and reset, the options that describe them, and the leaky charge. */
import { z } from "zod";
import type { Words } from "./vocabulary.ts";

export const membraneOptions = {
  vThreshold: z.number().default(1).meta({ description: "the neuron fires at v >= vThreshold", unit: "potential" }),
  vReset: z.number().nullable().default(0).meta({
    description: "potential after a spike; null: vThreshold is subtracted instead (soft reset)",
    unit: "potential",
  }),
  detachReset: z.boolean().default(false).meta({ description: "no gradient through the spike that resets" }),
};

export interface MembraneOptions {
  vThreshold: number;
  vReset: number | null;
  detachReset: boolean;
}

/** What the neurons with a curved charge share: they rest at one potential and are reset to another. */
export const nonlinearOptions = {
  tau: z.number().min(1).default(2).meta({ description: "membrane time constant", unit: "steps" }),
  vRest: z.number().default(0).meta({ description: "resting potential", unit: "potential" }),
  ...membraneOptions,
  vReset: membraneOptions.vReset.unwrap().default(-0.1).meta({
    description: "potential after a spike; null: vThreshold is subtracted instead (soft reset)",
    unit: "potential",
  }),
};

/** A reset that leaves the neuron at or above its threshold would make it fire for ever. */
export function resetsBelowThreshold({ vThreshold, vReset }: MembraneOptions): boolean {
  return vReset === null ? vThreshold > 0 : vReset < vThreshold;
}
export const RESET_BELOW_THRESHOLD = {
  error: "vReset must be below vThreshold (with vReset null, vThreshold must be above 0)",
};

/** `hard0`: a hard reset to 0, which needs no term for the reset potential. */
export const RESETS = ["hard0", "hard", "soft"] as const;
/** `detached`: the spike that resets is a constant for the gradient. */
export const GRADIENTS = ["full", "detached"] as const;

export function resetOf({ vReset }: MembraneOptions): (typeof RESETS)[number] {
  if (vReset === null) return "soft";
  return vReset === 0 ? "hard0" : "hard";
}

/** Neurons that always add the reset potential, also where it is 0: half as many variants. */
export const PLAIN_RESETS = ["hard", "soft"] as const;

export function plainResetOf({ vReset }: MembraneOptions): (typeof PLAIN_RESETS)[number] {
  return vReset === null ? "soft" : "hard";
}

export function gradientOf({ detachReset }: MembraneOptions): (typeof GRADIENTS)[number] {
  return detachReset ? "detached" : "full";
}

export const membraneState = {
  v: {
    meaning: "membrane potential after reset, unit of the threshold",
    initial: ({ vReset }: MembraneOptions): number => vReset ?? 0,
  },
};

export const membraneParameters = {
  vThreshold: { meaning: "firing threshold" },
  vReset: { meaning: "potential after a hard reset" },
} as const;

/** The neuron measured from its reset potential. Adding a constant to v, vReset and vThreshold changes no spike. */
export function shiftToReset<O extends MembraneOptions>(options: O): O {
  const { vThreshold, vReset } = options;
  return vReset === null ? options : { ...options, vThreshold: vThreshold - vReset, vReset: 0 };
}

/** Fires at v >= vThreshold, then resets: h(1-s), h(1-s) + s vReset, or h - s vThreshold. */
export function fireAndReset<E>(
  w: Words<E>,
  potential: E,
  p: Readonly<Record<"vThreshold" | "vReset", E>>,
  flags: { reset: (typeof RESETS)[number]; gradient: (typeof GRADIENTS)[number] },
): { spike: E; state: { v: E } } {
  const h = w.charged("charged", potential);
  const spike = w.spike({ value: h, threshold: p.vThreshold, strict: false });
  const resets = flags.gradient === "detached" ? w.hold(spike) : spike;
  if (flags.reset === "soft") return { spike, state: { v: w.sub(h, w.mul(resets, p.vThreshold)) } };
  const kept = w.mul(h, w.sub(w.constant(1), resets));
  return { spike, state: { v: flags.reset === "hard0" ? kept : w.add(kept, w.mul(resets, p.vReset)) } };
}

export const leakParameters = (learned: boolean) => ({
  keep: { meaning: "share of the potential kept per step, 1 - 1/tau", learned },
  rate: { meaning: "share of the input taken, 1/tau", learned },
  pull: { meaning: "vReset / tau, what the leak adds toward vReset", learned },
});

/** `input`: the input is divided by tau too (decayInput). */
export const DRIVES = ["input", "direct"] as const;

/** v keep + x rate (or x) + pull: the exact rewriting of v + (x - (v - vReset)) / tau for any vReset. */
export function leakyCharge<E>(
  w: Words<E>,
  { x, v }: { x: E; v: E },
  p: Readonly<Record<"keep" | "rate" | "pull", E>>,
  flags: { reset: (typeof RESETS)[number]; drive: (typeof DRIVES)[number] },
): E {
  const drive = flags.drive === "input" ? w.mul(x, p.rate) : x;
  const sum = w.add(w.decay(v, p.keep), drive);
  return flags.reset === "hard" ? w.add(sum, p.pull) : sum;
}
