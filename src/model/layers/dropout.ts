/**
 * Dropout whose mask is drawn once and kept for the whole sequence (SpikingJelly's `layer.Dropout`): a connection that is cut stays
 * cut at every time-step, until `resetNet`.
 */
import { z } from "zod";
import { dropoutMask, mul } from "../../tensor/index.ts";
import type { LayerDefinition } from "./define.ts";
import { layerFactory } from "./registry.ts";

const options = z.strictObject({
  p: z.number().min(0).lt(1).default(0.5).describe("share of values that are set to zero"),
});
export type DropoutOptions = z.infer<typeof options>;

export const dropoutDefinition: LayerDefinition<DropoutOptions> = {
  kind: "Dropout",
  summary: "sets values to zero in training, the same ones at every step",
  options,
  sees: "sequence",
  shape: (input) => input,
  forward(x, layer, context) {
    if (!context.training || layer.options.p === 0) return x;
    let mask = layer.state.get("mask");
    if (!mask) {
      mask = dropoutMask(x.shape.slice(1), layer.options.p, context.random, x.spatial);
      layer.remember("mask", mask);
    }
    return mul(x, mask);
  },
  // nothing to lower: a trained network keeps every value
  lower() {},
};

export const Dropout = layerFactory(dropoutDefinition);
