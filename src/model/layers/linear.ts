/** Fully connected layer (PyTorch's `Linear`). */
import { z } from "zod";
import { fail, formatShape, positiveInteger } from "../../core/index.ts";
import { linear } from "../../tensor/index.ts";
import type { LayerDefinition } from "./define.ts";
import { arrayOf } from "./lowering.ts";
import { layerFactory } from "./registry.ts";

const options = z.strictObject({
  inFeatures: positiveInteger.describe("size of the input"),
  outFeatures: positiveInteger.describe("size of the output"),
  bias: z.boolean().default(true).describe("add a learned number to each output"),
});
export type LinearOptions = z.infer<typeof options>;

/** Input `[I]`, output `[O]`; weight `[O,I]`, bias `[O]`. */
export const linearDefinition: LayerDefinition<LinearOptions, z.input<typeof options>> = {
  kind: "Linear",
  summary: "fully connected",
  options,
  sees: "stateless",
  shape(input, o, where) {
    if (input.length !== 1 || input[0] !== o.inFeatures) {
      fail("SHAPE", {
        where,
        expected: `input [${o.inFeatures}]`,
        got: formatShape(input),
        hint: input.length > 1 ? "Put a Flatten before it." : "Check inFeatures.",
      });
    }
    return [o.outFeatures];
  },
  parameters(o) {
    const init = { uniform: 1 / Math.sqrt(o.inFeatures) };
    return {
      weight: { shape: [o.outFeatures, o.inFeatures], init },
      ...(o.bias ? { bias: { shape: [o.outFeatures], init } } : {}),
    };
  },
  forward: (x, layer, context) => linear(x, layer.parameter("weight", context)!, layer.parameter("bias", context)),
  lower(layer, graph) {
    graph.add("linear", {
      source: layer.path,
      shape: layer.outputShape(graph.current.shape),
      weight: arrayOf(layer, "weight"),
      bias: layer.options.bias ? arrayOf(layer, "bias") : null,
    });
  },
};

export const Linear = layerFactory(linearDefinition);
