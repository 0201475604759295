/**
 * Lava's block as a trainable layer: a synapse with 8-bit weights and a CUBA neuron with the chip's integer dynamics
 * (SpikingJelly's `lava_exchange.BlockContainer`, Lava DL's `slayer.block.cuba`). What it computes is what the exported file computes.
 */
import { z } from "zod";
import { forwardThrough, Layer, type LayerDefinition, layerFactory } from "../../model/index.ts";
import { lowerBlock } from "./lower-block.ts";
import { asCubaNeuron, type CubaOptions, halvesOf } from "./neuron.ts";
import { meanOnlyBatchNormDefinition, wgtScaleBatchNormDefinition } from "./norm.ts";
import { expectScale, expectSynapse } from "./synapse.ts";
import { quantizeWeights } from "./weights.ts";

const NORMS = [meanOnlyBatchNormDefinition.kind, wgtScaleBatchNormDefinition.kind];

const options = z.strictObject({
  synapse: z.instanceof(Layer).describe("Conv2d or Linear without bias, or SumPool2d"),
  neuron: z
    .instanceof(Layer)
    .transform((neuron) => asCubaNeuron(neuron))
    .describe("CubaLIFNode; an IFNode or LIFNode is turned into one"),
  norm: z
    .instanceof(Layer)
    .refine(({ kind }) => NORMS.includes(kind), { message: `a norm that is none of ${NORMS.join(", ")}` })
    .optional()
    .describe("between the neuron's current and its voltage: MeanOnlyBatchNorm or WgtScaleBatchNorm"),
});
export type BlockOptions = z.infer<typeof options>;

export const blockDefinition: LayerDefinition<BlockOptions, z.input<typeof options>> = {
  kind: "Block",
  summary: "Lava's block: 8-bit synapse and CUBA neuron, optionally with a norm between current and voltage",
  options,
  sees: "any",
  rounds: false,
  /** With a norm, the neuron is split in two: members synapse, current, norm, neuron. */
  children({ synapse, neuron, norm }): Record<string, Layer> {
    expectSynapse(synapse);
    expectScale(synapse, scaleOf(neuron));
    if (!norm) return { synapse, neuron };
    const { current, voltage } = halvesOf(neuron);
    return { synapse, current, norm, neuron: voltage };
  },
  shape: (input, o) => {
    const output = o.synapse.outputShape(input);
    return o.norm?.outputShape(output) ?? output;
  },
  forward(x, layer, context) {
    const scale = blockScale(layer);
    return forwardThrough(layer, x, { ...context, quantize: (weight) => quantizeWeights(weight, scale) });
  },
  lower: (layer, graph) => lowerBlock(layer, blockScale(layer), graph),
};

function scaleOf(neuron: Layer): number {
  return (neuron.options as CubaOptions).scale;
}

/** Weight steps per training unit of a block. */
export function blockScale(block: Layer<BlockOptions>): number {
  return scaleOf(block.options.neuron);
}

const factory = layerFactory(blockDefinition);

/** `Block(Conv2d({ ..., bias: false }), IFNode({ vThreshold: 1 }))`, with a norm as third argument if wanted. */
export const Block = (synapse: Layer, neuron: Layer, norm?: Layer): Layer<BlockOptions> =>
  factory({ synapse, neuron, ...(norm ? { norm } : {}) });
