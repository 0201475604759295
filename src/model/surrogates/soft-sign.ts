/** The soft sign, moved and scaled to 0..1. */
import { z } from "zod";
import { defineSurrogate } from "./define.ts";

export const softSign = defineSurrogate({
  kind: "SoftSign",
  summary: "(alpha x / (1 + |alpha x|) + 1) / 2",
  source: "SpikingJelly, activation_based/surrogate.py, SoftSign",
  options: z.strictObject({
    alpha: z.number().positive().default(2).meta({ description: "steepness; the slope at 0 is alpha / 2" }),
  }),
  parameters: { alpha: "steepness", slope: "derivative at 0, alpha / 2" },
  derive: ({ alpha }) => ({ alpha, slope: alpha / 2 }),
  primitive(w, x, { alpha }) {
    const a = w.mul(alpha, x);
    const one = w.constant(1);
    return w.mul(w.constant(0.5), w.add(w.div(a, w.add(one, w.absolute(a))), one));
  },
  derivative(w, x, { alpha, slope }) {
    const sum = w.add(w.constant(1), w.absolute(w.mul(alpha, x)));
    return w.div(slope, w.mul(sum, sum));
  },
});
