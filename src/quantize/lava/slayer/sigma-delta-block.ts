/** Lava DL's sigma-delta blocks: an 8-bit synapse and a sigma-delta neuron, or the neuron alone on an 8-bit input. */
import { z } from "zod";
import { Layer, type LayerDefinition, layerFactory } from "../../../model/index.ts";
import { refuse } from "../refusal.ts";
import { expectSynapse } from "../synapse.ts";
import { quantizeWeights } from "../weights.ts";
import type { sigmaDeltaDefinition } from "./sigma-delta.ts";

const options = z.strictObject({
  synapse: z.instanceof(Layer).optional().describe("Conv2d or Linear without bias; none in an input block"),
  neuron: z
    .instanceof(Layer)
    .refine(({ kind }) => kind === "SigmaDelta", { message: "a neuron that is no SigmaDelta" })
    .describe("SigmaDelta"),
});
type SigmaDeltaBlockOptions = z.infer<typeof options>;
type NeuronOptions = ReturnType<(typeof sigmaDeltaDefinition)["options"]["parse"]>;

/** Weights, or without a synapse the input, are rounded to the 8-bit grid. Source: Lava DL, block/sigma_delta. */
export const sigmaDeltaBlockDefinition: LayerDefinition<SigmaDeltaBlockOptions, z.input<typeof options>> = {
  kind: "SigmaDeltaBlock",
  summary: "Lava's sigma-delta block: 8-bit synapse and SigmaDelta",
  options,
  sees: "any",
  rounds: false,
  children({ synapse, neuron }): Record<string, Layer> {
    if (synapse) expectSynapse(synapse);
    return { ...(synapse ? { synapse } : {}), neuron };
  },
  shape: (input, { synapse }) => synapse?.outputShape(input) ?? input,
  forward(x, { options: { synapse, neuron } }, context) {
    const { scale } = neuron.options as NeuronOptions;
    const inner = { ...context, quantize: (parameter: typeof x) => quantizeWeights(parameter, scale) };
    return neuron.forward(synapse ? synapse.forward(x, inner) : inner.quantize(x), inner);
  },
  lower(layer) {
    const hint = "Sigma-delta networks can be trained and simulated from a file, not yet lowered to one.";
    return refuse(layer, "blocks with a CUBA neuron", "a SigmaDeltaBlock", hint);
  },
};

export const SigmaDeltaBlock = layerFactory(sigmaDeltaBlockDefinition);
