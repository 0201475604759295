/** Lava DL's sigma-delta blocks: an 8-bit synapse and a sigma-delta neuron, or the neuron alone on an 8-bit input. */
import { z } from "zod";
import { type GraphBuilder, graphArray, Layer, type LayerDefinition, layerFactory } from "../../../model/index.ts";
import type { Tensor } from "../../../tensor/index.ts";
import { biasOnGrid, weightsOnGrid } from "../lower-block.ts";
import { refuse } from "../refusal.ts";
import { expectNoBias, expectSynapse } from "../synapse.ts";
import { quantizeBias, quantizeWeights } from "../weights.ts";
import type { SigmaDeltaOptions } from "./sigma-delta.ts";

const options = z.strictObject({
  synapse: z.instanceof(Layer).optional().describe("Conv2d or Linear without bias; none in an input block"),
  neuron: z
    .instanceof(Layer)
    .refine(({ kind }) => kind === "SigmaDelta", { message: "a neuron that is no SigmaDelta" })
    .describe("SigmaDelta"),
});
type SigmaDeltaBlockOptions = z.infer<typeof options>;

/**
 * Weights, or without a synapse the input, are rounded to the 8-bit grid, and the neuron's biases to that of biases, which Lava DL leaves as
 * they are until it exports them. Source: Lava DL, block/sigma_delta.
 */
export const sigmaDeltaBlockDefinition: LayerDefinition<SigmaDeltaBlockOptions, z.input<typeof options>> = {
  kind: "SigmaDeltaBlock",
  summary: "Lava's sigma-delta block: 8-bit synapse and SigmaDelta",
  options,
  sees: "any",
  rounds: false,
  children({ synapse, neuron }): Record<string, Layer> {
    if (synapse) {
      expectSynapse(synapse);
      expectNoBias(synapse);
    }
    return { ...(synapse ? { synapse } : {}), neuron };
  },
  shape: (input, { synapse }) => synapse?.outputShape(input) ?? input,
  forward(x, { options: { synapse, neuron } }, context) {
    const { scale } = optionsOf(neuron);
    const quantize = (parameter: Tensor, name: string) =>
      name === "bias" ? quantizeBias(parameter, scale) : quantizeWeights(parameter, scale);
    const inner = { ...context, quantize };
    return neuron.forward(synapse ? synapse.forward(x, inner) : quantize(x, "input"), inner);
  },
  lower: lowerSigmaDelta,
};

const optionsOf = (neuron: Layer) => neuron.options as SigmaDeltaOptions;

/** The synapse with the weights it computes with, and the neuron; without a synapse the host rounds the input. */
function lowerSigmaDelta(
  { options: { synapse, neuron }, label }: Layer<SigmaDeltaBlockOptions>,
  graph: GraphBuilder,
): void {
  const { part, threshold, scale, channels } = optionsOf(neuron);
  if ((part === "delta") !== (synapse === undefined)) {
    const hint = "A block with the part delta stands at the input and has no synapse; the other parts have one.";
    refuse(neuron, synapse ? "the part sigmaDelta or sigma" : "the part delta", `${part} in ${label}`, hint);
  }
  synapse?.definition.lower(synapse, graph);
  const node = graph.current;
  if (synapse && (node.kind === "conv" || node.kind === "linear")) {
    node.weight = graphArray(weightsOnGrid(synapse, "weight", scale), node.weight.shape);
  }
  graph.add("neuron", {
    source: neuron.path,
    shape: graph.current.shape,
    neuron: neuron.kind,
    options: { part, threshold, scale },
    ...(channels === undefined ? {} : { channelBias: graphArray(biasOnGrid(neuron, scale), [channels]) }),
    ...(synapse ? {} : { hostInput: { scale, weight: 1, bias: 0 } }),
  });
}

export const SigmaDeltaBlock = layerFactory(sigmaDeltaBlockDefinition);
