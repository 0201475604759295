/**
 * Dropout whose mask is drawn once and kept for the whole sequence (SpikingJelly's `layer.Dropout`): a connection that is cut stays
 * cut at every time-step, until `resetNet`.
 */
import { z } from "zod";
import { expectShape } from "../../core/index.ts";
import { dropoutMask, mul } from "../../tensor/index.ts";
import type { LayerDefinition } from "./define.ts";
import { layerFactory } from "./registry.ts";

const options = z.strictObject({
  p: z.number().min(0).lt(1).default(0.5).describe("share of values that are set to zero"),
});
export type DropoutOptions = z.infer<typeof options>;

export const dropoutDefinition: LayerDefinition<DropoutOptions, z.input<typeof options>> = {
  kind: "Dropout",
  summary: "sets values to zero in training, the same ones at every step",
  options,
  sees: "sequence",
  shape: (input) => input,
  forward(x, layer, context) {
    const { p } = layer.options;
    if (!context.training || p === 0) return x;
    const mask = layer.state.get("mask") ?? dropoutMask(x.shape.slice(1), p, context.random, x.spatial);
    const hint = "Reset the network (resetNet) when the batch size or the input changes.";
    expectShape(`${layer.label} mask`, x.shape.slice(1), mask.shape, hint);
    layer.remember("mask", mask);
    return mul(x, mask);
  },
  // nothing to lower: a trained network keeps every value
  lower() {},
};

export const Dropout = layerFactory(dropoutDefinition);
