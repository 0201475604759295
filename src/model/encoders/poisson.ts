/** Poisson encoding: at each step a pixel of value p spikes with probability p, independently (SpikingJelly's `PoissonEncoder`). */
import { z } from "zod";
import { bernoulli, repeatLeading, scope } from "../../tensor/index.ts";
import { type EncoderDefinition, expectUnitRange, makeEncoder } from "./define.ts";

const options = z.strictObject({});
type Options = z.infer<typeof options>;

export const poissonEncoder: EncoderDefinition<Options> = {
  kind: "PoissonEncoder",
  summary: "random spikes whose rate is the pixel's value",
  options,
  form: "sequence",
  values: "spikes",
  encode(x, steps, _options, random) {
    expectUnitRange(x, "PoissonEncoder");
    return scope(() => bernoulli(repeatLeading(x, steps), random));
  },
};

export const PoissonEncoder = () => makeEncoder(poissonEncoder);
