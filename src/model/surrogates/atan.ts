/** The arc tangent surrogate, the usual choice for deep spiking networks. */
import { z } from "zod";
import { defineSurrogate } from "./define.ts";
import { arctangent } from "./functions.ts";

export const atan = defineSurrogate({
  kind: "ATan",
  summary: "atan(pi/2 alpha x) / pi + 1/2",
  source: "SpikingJelly, activation_based/surrogate.py, ATan",
  options: z.strictObject({
    alpha: z.number().positive().default(2).meta({ description: "steepness; the slope at 0 is alpha / 2" }),
  }),
  parameters: { slope: "derivative at 0, alpha / 2", stretch: "pi / 2 alpha" },
  derive: ({ alpha }) => ({ slope: alpha / 2, stretch: (Math.PI / 2) * alpha }),
  primitive(w, x, { stretch }) {
    return w.add(w.mul(arctangent(w, w.mul(stretch, x)), w.constant(1 / Math.PI)), w.constant(0.5));
  },
  derivative(w, x, { slope, stretch }) {
    const a = w.mul(stretch, x);
    return w.div(slope, w.add(w.constant(1), w.mul(a, a)));
  },
});
