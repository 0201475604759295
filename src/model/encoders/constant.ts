/** Direct encoding: the image itself at every step; the first layers of the network learn to make spikes of it. */
import { z } from "zod";
import { repeatLeading } from "../../tensor/index.ts";
import { type EncoderDefinition, makeEncoder } from "./define.ts";

const options = z.strictObject({});
type Options = z.infer<typeof options>;

export const constantEncoder: EncoderDefinition<Options> = {
  kind: "ConstantEncoder",
  summary: "the image at every step",
  options,
  form: "image",
  values: "real",
  encode: (x, steps) => repeatLeading(x, steps),
};

export const ConstantEncoder = () => makeEncoder(constantEncoder);
