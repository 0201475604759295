/** A triangle as derivative: zero farther than 1 / alpha from the threshold. */
import { z } from "zod";
import { defineSurrogate } from "./define.ts";

export const piecewiseQuadratic = defineSurrogate({
  kind: "PiecewiseQuadratic",
  summary: "0 below -1/alpha, 1 above 1/alpha, else -alpha^2 |x| x / 2 + alpha x + 1/2",
  source: "SpikingJelly, activation_based/surrogate.py, PiecewiseQuadratic",
  options: z.strictObject({
    alpha: z.number().positive().default(1).meta({ description: "slope at 0; the triangle reaches to 1 / alpha" }),
  }),
  parameters: { alpha: "slope at 0", fall: "alpha^2", reach: "1 / alpha" },
  derive: ({ alpha }) => ({ alpha, fall: alpha * alpha, reach: 1 / alpha }),
  primitive(w, x, { alpha, fall, reach }) {
    const bent = w.mul(w.mul(w.constant(0.5), fall), w.mul(w.absolute(x), x));
    const inside = w.add(w.sub(w.mul(alpha, x), bent), w.constant(0.5));
    const belowTop = w.pick(x, reach, w.constant(1), inside);
    return w.pick(w.negate(reach), x, w.constant(0), belowTop);
  },
  derivative(w, x, { alpha, fall, reach }) {
    const size = w.absolute(x);
    return w.pick(size, reach, w.constant(0), w.sub(alpha, w.mul(fall, size)));
  },
});
