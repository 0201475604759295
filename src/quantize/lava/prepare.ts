/** The trainable twin of a network for Loihi: each synapse and its neuron become one of Lava's blocks, scales chosen from data. */
import { z } from "zod";
import { fail, parseWith } from "../../core/index.ts";
import { copyLayer, isSpikingLayer, type Layer, Network, type Reference, Sequential } from "../../model/index.ts";
import { Block, blockDefinition } from "./block.ts";
import { blockExtras } from "./block-extras.ts";
import { chooseScales, type ScaleCalibration, type SynapseAndNeuron } from "./calibrate.ts";
import { asCubaNeuron } from "./neuron.ts";
import { refuse } from "./refusal.ts";
import { axonalDelayDefinition } from "./slayer/axonal-delay.ts";
import { recurrentBlockDefinition } from "./slayer/recurrent-block.ts";
import { expectSynapse } from "./synapse.ts";

const [SCALE_MIN, SCALE_MAX] = [16, 4096];
const optionsSchema = z.strictObject({
  scale: z
    .int()
    .refine((scale) => scale >= SCALE_MIN && scale <= SCALE_MAX && Number.isInteger(Math.log2(scale)), {
      message: `a scale that is no power of two from ${SCALE_MIN} to ${SCALE_MAX}`,
    })
    .optional()
    .describe(
      "weight steps per training unit for every block (sum pools: at most 128); chosen for each layer from data when it is not given",
    ),
  reference: blockExtras.reference,
});

export interface LoihiPrepareOptions {
  /** As a config holds them: `{ "scale": 64 }`. */
  options?: Record<string, unknown>;
  /** Samples `[N, ...]` in [0, 1] that the choice of scales looks at. */
  calibration?: ScaleCalibration;
}

/** Layers that a prepared network keeps as they are. */
const KEPT = ["Flatten", "Dropout", blockDefinition.kind, recurrentBlockDefinition.kind, axonalDelayDefinition.kind];

type Part = { name: string } & ({ copy: Layer } | SynapseAndNeuron | { members: Part[] });

/**
 * A new network with its own tensors. What cannot be mapped is refused with the reason: layers without a neuron behind them, biases,
 * batch norms, max and average pooling, soft reset, decayInput, inputs that are not spikes. Blocks stay as they are.
 */
export function prepareForLoihi(network: Network, options: LoihiPrepareOptions = {}): Network {
  const { scale, reference } = parseWith(optionsSchema, options.options ?? {}, "Loihi prepare options");
  if (network.encoder.values !== "spikes") {
    fail("TARGET", {
      where: "Loihi, network input",
      expected: "an encoder that makes spikes (PoissonEncoder, LatencyEncoder)",
      got: network.encoder.kind,
      hint: "Loihi receives spikes: train the network with one of those encoders.",
    });
  }
  // all refusals come before anything is built
  const parts = partsOf(network.root);
  const scales = chooseScales(network, pairsIn(parts), { scale, calibration: options.calibration });
  return new Network({
    inputShape: network.inputShape,
    steps: network.steps,
    encoder: network.encoder,
    root: build(parts, scales, reference),
  });
}

/** What each member of a sequence becomes: pairs of synapse and neuron, and layers that stay. */
function partsOf(container: Layer): Part[] {
  if (container.kind !== "Sequential") {
    refuse(container, "a Sequential of layers as the network", container.kind, "Put the layers into a Sequential.");
  }
  const parts: Part[] = [];
  let pending: { name: string; synapse: Layer } | null = null;
  for (const [name, layer] of container.children) {
    if (pending) {
      parts.push({ ...pending, neuron: neuronBehind(pending.synapse, layer) });
      pending = null;
    } else if (layer.kind === "Sequential") parts.push({ name, members: partsOf(layer) });
    else if (KEPT.includes(layer.kind)) parts.push({ name, copy: layer });
    else {
      if (isSpikingLayer(layer))
        refuse(layer, "a synapse right before the neuron", "none", "Put a Conv2d or Linear before it.");
      expectSynapse(layer);
      pending = { name, synapse: layer };
    }
  }
  if (pending) neuronBehind(pending.synapse, null);
  return parts;
}

function neuronBehind(synapse: Layer, layer: Layer | null): Layer {
  if (layer && isSpikingLayer(layer)) {
    asCubaNeuron(layer);
    return layer;
  }
  // a layer that Loihi could not hold anyway is the better news
  if (layer && !KEPT.includes(layer.kind) && layer.kind !== "Sequential") expectSynapse(layer);
  const hint = "Every layer on Loihi has a neuron: pairs of synapse and neuron become blocks.";
  return refuse(synapse, "an IFNode, LIFNode or CubaLIFNode right behind it", layer?.label ?? "nothing", hint);
}

function pairsIn(parts: readonly Part[]): SynapseAndNeuron[] {
  return parts.flatMap((part) => {
    if ("members" in part) return pairsIn(part.members);
    return "synapse" in part ? [part] : [];
  });
}

function build(parts: readonly Part[], scales: ReadonlyMap<Layer, number>, reference?: Reference): Layer {
  const members = parts.map((part): [string, Layer] => {
    if ("members" in part) return [part.name, build(part.members, scales, reference)];
    if ("copy" in part) return [part.name, copyLayer(part.copy)];
    const { synapse, neuron } = part;
    const cuba =
      neuron.kind === "CubaLIFNode" ? copyLayer(neuron) : asCubaNeuron(neuron, scales.get(synapse)!, reference);
    // the chip has no shift: it counts one step for every layer
    return [part.name, Block(copyLayer(synapse), cuba, undefined, { reference, delayShift: false })];
  });
  return Sequential(Object.fromEntries(members));
}

/** True when all that a network does with weights, pools and neurons happens in blocks. */
export function isPreparedForLoihi(network: Network): boolean {
  const hasBlocks = network.layers().some(({ kind }) => kind === blockDefinition.kind);
  return hasBlocks && isPreparedSequence(network.root);
}

function isPreparedSequence(layer: Layer): boolean {
  if (layer.kind === "Sequential") return [...layer.children.values()].every(isPreparedSequence);
  return KEPT.includes(layer.kind);
}
