/** The logistic function, SpikingJelly's default surrogate. */
import { z } from "zod";
import type { FunctionWords } from "./arithmetic.ts";
import { defineSurrogate } from "./define.ts";
import { exponential } from "./functions.ts";

/** e^-|a x| is at most 1, so neither side overflows. */
function decayed<E>(w: FunctionWords<E>, x: E, alpha: E): E {
  return exponential(w, w.negate(w.absolute(w.mul(alpha, x))));
}

export const sigmoid = defineSurrogate({
  kind: "Sigmoid",
  summary: "1 / (1 + exp(-alpha x))",
  source: "SpikingJelly, activation_based/surrogate.py, Sigmoid",
  options: z.strictObject({
    alpha: z.number().positive().default(4).meta({ description: "steepness; the slope at 0 is alpha / 4" }),
  }),
  parameters: { alpha: "steepness" },
  derive: ({ alpha }) => ({ alpha }),
  primitive(w, x, { alpha }) {
    const e = decayed(w, x, alpha);
    const one = w.constant(1);
    return w.div(w.pick(x, w.constant(0), one, e), w.add(one, e));
  },
  derivative(w, x, { alpha }) {
    const e = decayed(w, x, alpha);
    const sum = w.add(w.constant(1), e);
    return w.div(w.mul(alpha, e), w.mul(sum, sum));
  },
});
