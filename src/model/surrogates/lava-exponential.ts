/** Lava DL's surrogate: a two-sided exponential whose width grows with the threshold. */
import { z } from "zod";
import type { FunctionWords } from "./arithmetic.ts";
import { defineSurrogate } from "./define.ts";
import { exponential } from "./functions.ts";

function tail<E>(w: FunctionWords<E>, x: E, rate: E): E {
  return exponential(w, w.negate(w.mul(w.absolute(x), rate)));
}

export const lavaExponential = defineSurrogate({
  kind: "LavaExponential",
  summary: "integral of s / (2 t) exp(-|x| / t), s = 0.1 scaleGrad, t = 100 tauGrad vThreshold",
  source: "Lava DL, slayer/spike (binary spikes), with the constants of slayer's CUBA neuron",
  options: z.strictObject({
    tauGrad: z.number().positive().default(1).meta({ description: "width, in units of 100 thresholds" }),
    scaleGrad: z.number().positive().default(1).meta({ description: "area under the derivative, in units of 0.1" }),
  }),
  parameters: { rate: "1 / t", height: "derivative at 0, s / (2 t)", half: "s / 2" },
  derive({ tauGrad, scaleGrad }, { threshold }) {
    const rate = 1 / (100 * tauGrad * threshold);
    const half = (0.1 * scaleGrad) / 2;
    return { rate, height: half * rate, half };
  },
  primitive(w, x, { rate, half }) {
    const rest = w.mul(half, tail(w, x, rate));
    return w.pick(x, w.constant(0), w.sub(w.add(half, half), rest), rest);
  },
  derivative(w, x, { rate, height }) {
    return w.mul(height, tail(w, x, rate));
  },
});
