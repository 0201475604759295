/** The trainable twin of a network for Loihi: each synapse and its neuron become one of Lava's blocks, scales chosen from data. */
import { z } from "zod";
import { fail, parseWith } from "../../core/index.ts";
import { Layer, Network, Sequential } from "../../model/index.ts";
import { copyLayer } from "../copy.ts";
import { asCubaNeuron, Block, expectSynapse } from "./block.ts";
import { chooseScales, type ScaleCalibration } from "./calibrate.ts";

const optionsSchema = z.strictObject({
  scale: z
    .int()
    .refine((scale) => scale >= 16 && scale <= 4096 && Number.isInteger(Math.log2(scale)), {
      message: "a power of two from 16 to 4096",
    })
    .optional()
    .describe("weight steps per training unit for every block; chosen for each layer from data when it is not given"),
});

export interface LoihiPrepareOptions {
  /** As a config holds them: `{ "scale": 64 }`. */
  options?: Record<string, unknown>;
  /** Samples `[N, ...]` in [0, 1] that the choice of scales looks at. */
  calibration?: ScaleCalibration;
}

/**
 * A new network with its own tensors. What cannot be mapped is refused with the reason: layers without a neuron behind them, biases,
 * batch norms, max and average pooling, soft reset, decayInput, inputs that are not spikes.
 */
export function prepareForLoihi(network: Network, options: LoihiPrepareOptions = {}): Network {
  if (network.encoder.values !== "spikes") {
    fail("TARGET", {
      where: "Loihi, network input",
      expected: "an encoder that makes spikes (PoissonEncoder, LatencyEncoder)",
      got: network.encoder.kind,
      hint: "Loihi receives spikes: train the network with one of those encoders.",
    });
  }
  checkMappable(network.root);
  const { scale } = parseWith(optionsSchema, options.options ?? {}, "Loihi prepare options");
  const scales = chooseScales(network, {
    ...(scale ? { scale } : {}),
    ...(options.calibration ? { calibration: options.calibration } : {}),
  });
  return new Network({
    inputShape: network.inputShape,
    steps: network.steps,
    encoder: network.encoder,
    root: blocks(network.root, scales),
  });
}

/** Walks synapse-neuron pairs without building anything, so that a refusal leaves nothing behind. */
function checkMappable(container: Layer): void {
  let pending: Layer | null = null;
  const unmatched = (layer: Layer) =>
    fail("TARGET", {
      where: `Loihi, ${layer.label}`,
      expected: "an IFNode, LIFNode or CubaLIFNode right behind it",
      got: "something else",
      hint: "Every layer on Loihi has a neuron: pairs of synapse and neuron become blocks.",
    });
  for (const child of container.children.values()) {
    if (child.kind.endsWith("Node")) {
      if (!pending)
        fail("TARGET", { where: `Loihi, ${child.label}`, expected: "a synapse before the neuron", got: "none" });
      asCubaNeuron(child);
      pending = null;
      continue;
    }
    if (pending) unmatched(pending);
    if (child.kind === "Sequential") checkMappable(child);
    else if (child.kind !== "Flatten" && child.kind !== "Dropout" && child.kind !== "Block") {
      expectSynapse(child);
      pending = child;
    }
  }
  if (pending) unmatched(pending);
}

function blocks(container: Layer, scales: ReadonlyMap<string, number>): Layer {
  const members: [string, Layer][] = [];
  let synapse: { name: string; layer: Layer } | null = null;
  for (const [name, child] of container.children) {
    if (child.kind === "Sequential") members.push([name, blocks(child, scales)]);
    else if (child.kind === "Flatten" || child.kind === "Dropout") members.push([name, copyLayer(child)]);
    else if (child.kind === "Block") members.push([name, copyBlock(child)]);
    else if (!synapse) synapse = { name, layer: child };
    else {
      members.push([synapse.name, blockOf(synapse.layer, child, scales.get(synapse.layer.path)!)]);
      synapse = null;
    }
  }
  return Sequential(Object.fromEntries(members)) as unknown as Layer;
}

function blockOf(synapse: Layer, neuron: Layer, scale: number): Layer {
  const cuba = asCubaNeuron(neuron);
  const scaled =
    neuron.kind === "CubaLIFNode" ? copyLayer(cuba) : new Layer(cuba.definition, { ...cuba.options, scale });
  return Block(copyLayer(synapse), scaled) as unknown as Layer;
}

function copyBlock(block: Layer): Layer {
  const [synapse, neuron] = [...block.children.values()] as [Layer, Layer];
  return Block(copyLayer(synapse), copyLayer(neuron)) as unknown as Layer;
}

/** True when every synapse of a network stands in a block. */
export function isPreparedForLoihi(network: Network): boolean {
  const layers = network.layers();
  const inBlocks = new Set(layers.filter((layer) => layer.kind === "Block").flatMap((block) => [...block.walk()]));
  return layers.every((layer) => !("weight" in layer.specs) || inBlocks.has(layer));
}
