/** The Gaussian error function; its derivative is a bell. */
import { z } from "zod";
import { defineSurrogate } from "./define.ts";
import { complementaryError, exponential } from "./functions.ts";

export const erf = defineSurrogate({
  kind: "Erf",
  summary: "erfc(-alpha x) / 2",
  source: "SpikingJelly, activation_based/surrogate.py, Erf",
  options: z.strictObject({
    alpha: z.number().positive().default(2).meta({ description: "steepness; the slope at 0 is alpha / sqrt(pi)" }),
  }),
  parameters: { alpha: "steepness", slope: "derivative at 0, alpha / sqrt(pi)" },
  derive: ({ alpha }) => ({ alpha, slope: alpha / Math.sqrt(Math.PI) }),
  primitive(w, x, { alpha }) {
    return w.mul(w.constant(0.5), complementaryError(w, w.negate(w.mul(alpha, x))));
  },
  derivative(w, x, { alpha, slope }) {
    const a = w.mul(alpha, x);
    return w.mul(slope, exponential(w, w.negate(w.mul(a, a))));
  },
});
