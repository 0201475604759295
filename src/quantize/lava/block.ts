/**
 * Lava's block as a trainable layer: a synapse with 8-bit weights and a CUBA neuron with the chip's integer dynamics
 * (SpikingJelly's `lava_exchange.BlockContainer`, Lava DL's `slayer.block.cuba`). What it computes is what the exported file computes, as
 * long as `reference` does not ask for another framework's arithmetic.
 */
import { z } from "zod";
import { type ForwardContext, forwardThrough, Layer, type LayerDefinition, layerFactory } from "../../model/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import {
  type BlockExtras,
  blockExtras,
  delayMembers,
  forwardDelays,
  lowerDelays,
  quantizingBiases,
} from "./block-extras.ts";
import { lowerBlock } from "./lower-block.ts";
import { asCubaNeuron, GRID_STEPS, halvesOf, rulesOf, scaleOf } from "./neuron.ts";
import { meanOnlyBatchNormDefinition, wgtScaleBatchNormDefinition } from "./norm.ts";
import { forwardNormInside } from "./norm-inside.ts";
import { expectBiasHeld, expectNoBias, expectScale, expectSynapse } from "./synapse.ts";

const NORMS = [meanOnlyBatchNormDefinition.kind, wgtScaleBatchNormDefinition.kind];

const options = z
  .strictObject({
    synapse: z
      .instanceof(Layer)
      .describe("Conv2d or Linear, with a bias only before a neuron with currentDecay 1, or SumPool2d"),
    neuron: z.instanceof(Layer).describe("CubaLIFNode; an IFNode or LIFNode is turned into one"),
    norm: z
      .instanceof(Layer)
      .refine(({ kind }) => NORMS.includes(kind), { message: `a norm that is none of ${NORMS.join(", ")}` })
      .optional()
      .describe("between the neuron's current and its voltage: MeanOnlyBatchNorm or WgtScaleBatchNorm"),
    ...blockExtras,
  })
  .overwrite((given) => ({ ...given, neuron: asCubaNeuron(given.neuron, undefined, given.reference) }));
export type BlockOptions = z.infer<typeof options>;

export const blockDefinition: LayerDefinition<BlockOptions, z.input<typeof options>> = {
  kind: "Block",
  summary: "Lava's block: 8-bit synapse and CUBA neuron, optionally with a norm between current and voltage",
  options,
  sees: "any",
  rounds: false,
  /** With a norm, the neuron is split in two: members synapse, current, norm, neuron. Then shift and delay, where there are any. */
  children(o): Record<string, Layer> {
    const { synapse, neuron, norm } = o;
    expectSynapse(synapse);
    if (norm) expectNoBias(synapse);
    else expectBiasHeld(synapse, neuron);
    expectScale(synapse, scaleOf(neuron));
    const { current, voltage } = norm ? halvesOf(neuron) : { current: null, voltage: neuron };
    return {
      synapse,
      ...(norm && current ? { current, norm } : {}),
      neuron: voltage,
      ...delayMembers(o),
    };
  },
  shape: (input, o) => {
    const output = o.synapse.outputShape(input);
    return o.norm?.outputShape(output) ?? output;
  },
  forward: forwardBlock,
  lower(layer, graph) {
    lowerBlock(layer, blockScale(layer), graph);
    lowerDelays(layer, graph);
  },
};

function forwardBlock(x: Tensor, layer: Layer<BlockOptions>, context: ForwardContext): Tensor {
  const { neuron, norm } = layer.options;
  const inner = quantizingBiases(context, neuron);
  if (!norm || !rulesOf(neuron).normInside) return forwardThrough(layer, x, inner);
  const member = (name: string) => layer.children.get(name)!;
  const parts = { current: member("current"), norm: member("norm"), voltage: member("neuron") };
  const drive = member("synapse").forward(x, inner);
  const spikes = forwardNormInside(drive, { ...parts, gridScale: GRID_STEPS * scaleOf(neuron) }, inner);
  return forwardDelays(spikes, layer, inner);
}

/** Weight steps per training unit of a block. */
export function blockScale(block: Layer<BlockOptions>): number {
  return scaleOf(block.options.neuron);
}

const factory = layerFactory(blockDefinition);

/** `Block(Conv2d({ ..., bias: false }), IFNode({ vThreshold: 1 }))`, with a norm as third argument if wanted, and extras as the fourth. */
export const Block = (synapse: Layer, neuron: Layer, norm?: Layer, extras: BlockExtras = {}): Layer<BlockOptions> =>
  factory({ synapse, neuron, ...(norm ? { norm } : {}), ...extras });
