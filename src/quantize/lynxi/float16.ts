/**
 * Layers one after the other in float16 arithmetic: parameters, input and every operation's result are rounded to the nearest
 * float16 in the forward pass, gradients pass straight through. What a Lynxi chip computes, as a trainable layer.
 * Sums inside a convolution or matrix product stay float32 and are rounded once, as the chip's design is assumed to do.
 */
import {
  forwardThrough,
  type Layer,
  type LayerDefinition,
  makeLayer,
  type SequentialOptions,
  sequentialDefinition,
} from "../../model/index.ts";
import { roundFloat16 } from "../../tensor/index.ts";

export const float16SequentialDefinition: LayerDefinition<SequentialOptions> = {
  ...sequentialDefinition,
  kind: "Float16Sequential",
  summary: "layers one after the other, every result rounded to float16",
  forward: (x, layer, context) => forwardThrough(layer, roundFloat16(x), { ...context, arithmetic: "float16" }),
};

/** `Float16Sequential([Conv2d(...), IFNode()])`, with the members and checkpoint keys of a `Sequential`. */
export const Float16Sequential = (layers: Layer[] | Record<string, Layer>): Layer<SequentialOptions> =>
  makeLayer(float16SequentialDefinition, { layers });
