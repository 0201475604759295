/**
 * From the folded float network to Lava's blocks, layer by layer from the input on: each block's numbers are chosen from what arrives at it
 * when all before it is quantized already. Keeps what was done to each layer, for the report.
 */
import {
  copyLayer,
  evaluationStream,
  type ForwardContext,
  Layer,
  type Network,
  type Reference,
  resetNet,
  setStepMode,
} from "../../model/index.ts";
import { noGrad, Tensor } from "../../tensor/index.ts";
import type { QuantizedLayer } from "../study.ts";
import { Block, type BlockOptions, blockScale } from "./block.ts";
import { type CalibrationRule, chooseScale, defaultScale, fitThreshold, legalScale } from "./calibrate.ts";
import { channelMeans, correctBias } from "./correct-bias.ts";
import { neuronWith, thresholdOf } from "./fold/fold-neuron.ts";
import { scaleDrive } from "./fold/fold-pools.ts";
import type { FoldedPair, FoldedPart } from "./fold/parts.ts";
import { describeBlock } from "./layer-report.ts";
import { asCubaNeuron } from "./neuron.ts";
import { hasBias } from "./synapse.ts";

/** Input samples `[N, ...]` in [0, 1] that choices look at. */
export interface ScaleCalibration {
  shape: number[];
  data: Float32Array;
}

export interface QuantizeRule extends CalibrationRule {
  /** One scale for all; chosen for each layer when it is not given. */
  scale: number | undefined;
  reference: Reference | undefined;
  threshold: "keep" | "fit";
  biasCorrection: "none" | "existing" | "all";
}

export interface QuantizedParts {
  /** A block for each pair, by the pair's synapse in the folded network. */
  blocks: Map<Layer, Layer>;
  layers: QuantizedLayer[];
}

/** `network`: the folded one, made of `parts`. Without calibration samples scales are the given or the default one. */
export function quantizeParts(
  network: Network,
  parts: readonly FoldedPart[],
  rule: QuantizeRule,
  calibration: ScaleCalibration | undefined,
): QuantizedParts {
  const quantizer = new Quantizer(rule);
  if (!calibration) {
    for (const part of parts) if ("synapse" in part) quantizer.quantize(part, null);
    return quantizer.result;
  }
  resetNet(network);
  try {
    noGrad(() => quantizer.follow(network, parts, calibration));
  } finally {
    resetNet(network);
  }
  return quantizer.result;
}

/** What arrives at a layer in the float network and in the quantized one, `[T, N, ...]`. */
interface Streams {
  float: Tensor;
  quantized: Tensor;
}

class Quantizer {
  readonly result: QuantizedParts = { blocks: new Map(), layers: [] };

  constructor(private readonly rule: QuantizeRule) {}

  follow(network: Network, parts: readonly FoldedPart[], calibration: ScaleCalibration): void {
    const samples = Tensor.from(calibration.data, calibration.shape);
    const sequence = network.encode(samples, CONTEXT.random());
    samples.dispose();
    let streams: Streams = { float: sequence, quantized: sequence };
    for (const part of parts) {
      const next = this.#step(part, streams);
      const kept = [next.float, next.quantized];
      for (const tensor of new Set([streams.float, streams.quantized])) if (!kept.includes(tensor)) tensor.dispose();
      streams = next;
    }
    for (const tensor of new Set([streams.float, streams.quantized])) tensor.dispose();
  }

  #step(part: FoldedPart, streams: Streams): Streams {
    if ("layer" in part) {
      const float = runAnew(part.layer, streams.float);
      return { float, quantized: streams.quantized === streams.float ? float : runAnew(part.layer, streams.quantized) };
    }
    const block = this.quantize(part, streams);
    const drive = runAnew(part.synapse, streams.float);
    const next = { float: runAnew(part.neuron, drive), quantized: runAnew(block, streams.quantized) };
    drive.dispose();
    return next;
  }

  /** The block of a pair; `streams`: what arrives at it, where that is known. */
  quantize(pair: FoldedPair, streams: Streams | null): Layer {
    const { block, factor } = this.#build(pair, streams);
    this.result.blocks.set(pair.synapse, block);
    const corrects = streams !== null && this.rule.biasCorrection !== "none" && hasBias(block.children.get("synapse")!);
    const correction = corrects ? correctToMeans(pair, block, streams, factor) : 0;
    this.result.layers.push(describeBlock(block, pair, correction));
    return block;
  }

  #build(pair: FoldedPair, streams: Streams | null): { block: Layer<BlockOptions>; factor: number } {
    const { rule } = this;
    const weighted = "weight" in pair.synapse.specs;
    const own = pair.neuron.kind === "CubaLIFNode";
    const chosen =
      rule.scale ?? (streams && weighted && !own ? chooseScale(pair, streams.quantized, rule) : defaultScale(pair));
    const scale = legalScale(pair.synapse, chosen);
    const fits = rule.threshold === "fit" && streams !== null && weighted && !own;
    const factor = fits ? fitThreshold(pair, streams.quantized, scale) : 1;
    const synapse = this.#synapseOf(pair);
    if (factor !== 1) scaleDrive(synapse, factor);
    const neuron =
      factor === 1 ? pair.neuron : neuronWith(pair.neuron, { vThreshold: thresholdOf(pair.neuron) * factor });
    const cuba = own ? copyLayer(neuron) : asCubaNeuron(neuron, scale, rule.reference);
    // the chip has no shift: it counts one step for every layer
    const block = Block(synapse, cuba, undefined, { reference: rule.reference, delayShift: false });
    block.place(pair.names.join("."));
    setStepMode(block, "m");
    return { block, factor };
  }

  /** A copy; with a bias of zeros where one is wanted and held by the chip. */
  #synapseOf({ synapse, neuron }: FoldedPair): Layer {
    const { currentDecay = 1, requiresGrad = false } = neuron.options as {
      currentDecay?: number;
      requiresGrad?: boolean;
    };
    const adds = this.rule.biasCorrection === "all" && "bias" in synapse.options && !hasBias(synapse);
    if (!adds || currentDecay !== 1 || requiresGrad) return copyLayer(synapse);
    const biased = new Layer(synapse.definition, { ...synapse.options, bias: true });
    const weight = synapse.tensor("weight");
    biased.setTensor("weight", Tensor.from(weight.toArray(), weight.shape));
    biased.setTensor("bias", Tensor.zeros([weight.shape[0]!]));
    return biased;
  }
}

/** How layers are run here: as in evaluation. */
const CONTEXT = { training: false, random: () => evaluationStream(0) };

/** A layer on a sequence `[T, N, ...]`, from a fresh state. */
function runAnew(layer: Layer, sequence: Tensor, observe?: ForwardContext["observe"]): Tensor {
  const { training, random } = CONTEXT;
  resetNet(layer);
  const output = layer.forward(sequence, { training, random: random(), ...(observe ? { observe } : {}) });
  resetNet(layer);
  return output;
}

/** Gives the block's synapse the float synapse's means. `factor`: between their units. Returns the largest correction in weight steps. */
function correctToMeans(pair: FoldedPair, block: Layer<BlockOptions>, streams: Streams, factor: number): number {
  const synapse = block.children.get("synapse")!;
  const drive = runAnew(pair.synapse, streams.float);
  const wanted = channelMeans(drive).map((value) => value * factor);
  drive.dispose();
  let found: Float64Array = new Float64Array();
  const spikes = runAnew(block, streams.quantized, (layer, output) => {
    if (layer === synapse) found = channelMeans(output);
  });
  spikes.dispose();
  return correctBias(synapse, wanted, found) * blockScale(block);
}
