/**
 * The trainable twin of a network for Loihi: folded to what the chip can hold, each synapse with its neuron made one of Lava's blocks, scales
 * chosen from data. `studyForLoihi` also keeps what lies between, so that a report can say which layer costs what.
 */
import { z } from "zod";
import { fail, parseWith } from "../../core/index.ts";
import { copyLayer, type Layer, Network, Sequential } from "../../model/index.ts";
import type { QuantizationStudy } from "../study.ts";
import { blockDefinition } from "./block.ts";
import { blockExtras } from "./block-extras.ts";
import { METHODS } from "./calibrate.ts";
import { foldNetwork } from "./fold/fold-network.ts";
import { type FoldedPart, KEPT, takesSums } from "./fold/parts.ts";
import { quantizeParts, type ScaleCalibration } from "./quantize-network.ts";
import { inputBlockDefinition } from "./slayer/input-block.ts";
import { recurrentBlockDefinition } from "./slayer/recurrent-block.ts";
import { sigmaDeltaBlockDefinition } from "./slayer/sigma-delta-block.ts";

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
  method: z
    .enum(METHODS)
    .default("mse")
    .describe(
      "how scales are chosen. mse: least squared change of what a layer's synapse gives; max: no weight is cut; percentile: so many percent of them are not",
    ),
  percentile: z.number().min(50).max(100).default(99.9).describe("of the sizes of a layer's weights, for that method"),
  threshold: z
    .enum(["keep", "fit"])
    .default("keep")
    .describe(
      "fit: weights, biases and threshold of IF and LIF neurons are multiplied by the number from 1 to 2 that suits the 8 bits best",
    ),
  biasCorrection: z
    .enum(["none", "existing", "all"])
    .default("existing")
    .describe(
      "biases take back what quantization shifts on average. existing: those that a layer or its folded batch norm has; all: every layer that can hold one gets one",
    ),
  reference: blockExtras.reference,
});

export interface LoihiPrepareOptions {
  /** As a config holds them: `{ "scale": 64 }`. */
  options?: Record<string, unknown>;
  /** Samples `[N, ...]` in [0, 1] that the choice of scales looks at. */
  calibration?: ScaleCalibration;
}

/**
 * A new network with its own tensors. What cannot be mapped is refused with the reason: layers without a neuron behind them, residual
 * additions, soft resets, inputs that are not spikes, biases before a current with memory. Blocks stay as they are.
 */
export function prepareForLoihi(network: Network, options: LoihiPrepareOptions = {}): Network {
  const study = studyForLoihi(network, options);
  study.folded.dispose();
  study.disposeBlocks();
  return study.twin;
}

/** The folded float network, its quantized twin, and what was done to each layer. The caller disposes of the study and of the twin. */
export function studyForLoihi(
  network: Network,
  options: LoihiPrepareOptions = {},
): QuantizationStudy & { disposeBlocks(): void } {
  const { scale, reference, ...rule } = parseWith(optionsSchema, options.options ?? {}, "Loihi prepare options");
  if (network.encoder.values !== "spikes" && !beginsWithNeurons(network)) {
    fail("TARGET", {
      where: "Loihi, network input",
      expected: "an encoder that makes spikes (PoissonEncoder, LatencyEncoder)",
      got: network.encoder.kind,
      hint: "Loihi receives spikes: train the network with one of those encoders, or with an InputBlock as its first layer.",
    });
  }
  // all refusals come before anything is quantized
  const { parts, changes } = foldNetwork(network);
  const folded = networkOf(network, parts, memberOf);
  const { blocks, layers } = orDispose(folded, () =>
    quantizeParts(folded, parts, { ...rule, scale, reference }, options.calibration),
  );
  const hybrid = (quantized: (block: Layer) => boolean) =>
    networkOf(network, parts, (part) => {
      const block = "synapse" in part ? blocks.get(part.synapse)! : null;
      return copyLayer(block && quantized(block) ? block : memberOf(part));
    });
  const disposeBlocks = () => {
    for (const block of blocks.values()) block.dispose();
  };
  return {
    folded,
    twin: hybrid(() => true),
    changes,
    layers,
    only: (place) => hybrid((block) => block.path === place),
    disposeBlocks,
    dispose() {
      folded.dispose();
      disposeBlocks();
    },
  };
}

/** Neurons that the host feeds with numbers stand at the input. */
function beginsWithNeurons({ root }: Network): boolean {
  const [first] = root.kind === "Sequential" ? membersOf(root) : [root];
  return (
    first?.kind === inputBlockDefinition.kind ||
    (first?.kind === sigmaDeltaBlockDefinition.kind && !first.children.has("synapse"))
  );
}

function orDispose<R>(network: Network, action: () => R): R {
  try {
    return action();
  } catch (error) {
    network.dispose();
    throw error;
  }
}

/** A part of the folded network as one layer; pairs with the members that blocks have. */
function memberOf(part: FoldedPart): Layer {
  if ("layer" in part) return part.layer;
  const { synapse, neuron } = part;
  return Sequential({ synapse, neuron });
}

/** A network like `original` of these parts, nested as their names say. */
function networkOf(
  { inputShape, steps, encoder }: Network,
  parts: readonly FoldedPart[],
  make: (part: FoldedPart) => Layer,
): Network {
  return new Network({
    inputShape,
    steps,
    encoder,
    root: nested(parts.map((part) => ({ names: part.names, layer: make(part) }))),
  });
}

interface Named {
  names: readonly string[];
  layer: Layer;
}

function nested(members: readonly Named[]): Layer {
  const groups = new Map<string, Named[]>();
  for (const { names, layer } of members) {
    const [first = "", ...rest] = names;
    groups.set(first, [...(groups.get(first) ?? []), { names: rest, layer }]);
  }
  const layers = [...groups].map(([name, group]): [string, Layer] => {
    const [only] = group;
    return [name, only!.names.length === 0 ? only!.layer : nested(group)];
  });
  return Sequential(Object.fromEntries(layers));
}

/** Layers of synapses and neurons that compute with the chip's numbers. */
const BLOCKS: readonly string[] = [blockDefinition.kind, recurrentBlockDefinition.kind, sigmaDeltaBlockDefinition.kind];

/** True when all that a network does with weights and neurons happens in blocks; sums of windows may stand before them. */
export function isPreparedForLoihi(network: Network): boolean {
  if (network.root.kind !== "Sequential") return false;
  const leaves = membersOf(network.root);
  const blocks = leaves.map(({ kind }) => BLOCKS.includes(kind));
  const behind = (from: number) => leaves.slice(from).find(({ kind }) => kind !== "Flatten" && kind !== "Dropout");
  return (
    blocks.includes(true) &&
    leaves.every(({ kind }, i) => KEPT.includes(kind) || (kind === "SumPool2d" && takesSums(behind(i + 1))))
  );
}

const membersOf = (container: Layer): Layer[] =>
  [...container.children.values()].flatMap((layer) => (layer.kind === "Sequential" ? membersOf(layer) : [layer]));
