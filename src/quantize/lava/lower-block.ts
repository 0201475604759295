/** A block as graph nodes: the synapse with the weights it computes with, and one CUBA neuron, whose bias a norm becomes. */
import { freezeNeuron, type GraphBuilder, type GraphNode, graphArray, type Layer } from "../../model/index.ts";
import { noGrad, scope } from "../../tensor/index.ts";
import { type CubaOptions, rulesOf } from "./neuron.ts";
import { weightExponent, wgtScaleBatchNormDefinition } from "./norm.ts";
import { refuse } from "./refusal.ts";
import { quantizeWeights } from "./weights.ts";

/** Members as `Block` names them; the options are those of the undivided neuron. */
interface LowerableBlock extends Layer {
  readonly options: { synapse: Layer; neuron: Layer; norm?: Layer | undefined };
}

/** Appends a block to a graph. @throws TARGET where a norm cannot be written exactly */
export function lowerBlock(block: LowerableBlock, scale: number, graph: GraphBuilder): void {
  const { synapse, neuron, norm } = block.options;
  if (norm) expectNormBehind(neuron);
  lowerSynapse(synapse, neuron, graph);
  if (norm) lowerNormed(block, norm, scale, graph);
  else neuron.definition.lower(neuron, graph);
}

/** Appends the synapse of a neuron with the weights that training computes with, and returns its node. */
export function lowerSynapse(synapse: Layer, neuron: Layer, graph: GraphBuilder): GraphNode {
  const { gradedSpike, scale } = neuron.options as CubaOptions;
  if (gradedSpike) {
    const hint = "Lava's loader reads graded CUBA spikes as binary ones: train with gradedSpike: false.";
    refuse(neuron, "binary spikes", "gradedSpike true", hint);
  }
  synapse.definition.lower(synapse, graph);
  const node = graph.current;
  if (node.kind === "conv" || node.kind === "linear") {
    node.weight = graphArray(quantized(synapse, "weight", scale, rulesOf(neuron).weightMax), node.weight.shape);
  }
  return node;
}

/** A norm that has an equivalent on the chip. */
function expectNormBehind(neuron: Layer): void {
  const { currentDecay, channels } = neuron.options as CubaOptions;
  if (rulesOf(neuron).normInside && currentDecay !== 1) {
    const hint =
      "On the chip a norm stands behind the current: train with the reference chip, or with a current decay of 1.";
    refuse(neuron, "a norm behind the current", "one inside its recurrence (reference spikingjelly)", hint);
  }
  if (channels !== undefined) {
    refuse(neuron, "one decay for all channels", "channels with a norm", "Train without a norm, or without channels.");
  }
}

/** Without negative zeros, which no integer has. */
function quantized(layer: Layer, name: string, scale: number, largest?: number): Float32Array {
  const numbers = noGrad(() =>
    scope(() => quantizeWeights(layer.tensor(name), scale, largest).toArray() as Float32Array),
  );
  return numbers.map((number) => number + 0);
}

/** Lava DL's bias: minus the quantized running mean, added to the voltage at every step. */
function lowerNormed(block: LowerableBlock, norm: Layer, scale: number, graph: GraphBuilder): void {
  expectNoDivisor(norm);
  const { surrogate: _, storeVSeq: __, ...options } = block.options.neuron.options as CubaOptions;
  const halves = [block.children.get("current")!, block.children.get("neuron")!];
  const learned = halves.flatMap((half) =>
    [...half.parameters].map(([name, tensor]) => [name, tensor.item()] as const),
  );
  const { kind, options: frozen } = freezeNeuron("CubaLIFNode", options, Object.fromEntries(learned));
  const biases = quantized(norm, "running_mean", scale).map((mean) => 0 - mean);
  const common = biases.every((bias) => bias === biases[0]) ? biases[0]! : 0;
  if (biases.some((bias) => bias !== common)) biasToSynapse(block, biases, frozen as CubaOptions, graph);
  graph.add("neuron", {
    source: halves[1]!.path,
    shape: graph.current.shape,
    neuron: kind,
    options: { ...frozen, bias: common },
  });
}

function expectNoDivisor(norm: Layer): void {
  if (norm.kind !== wgtScaleBatchNormDefinition.kind) return;
  const exponent = weightExponent(norm as Parameters<typeof weightExponent>[0]);
  if (exponent === 0) return;
  const hint =
    "Lava's loader ignores the exponent that Lava DL writes, so the chip would fire differently: train with MeanOnlyBatchNorm.";
  refuse(norm, "a divisor of 1 (2^0)", `2^${exponent}`, hint);
}

/** The neuron has one bias for all. Different ones go to the synapse, which is the same only while the current has no memory. */
function biasToSynapse(block: Layer, biases: Float32Array, { currentDecay }: CubaOptions, graph: GraphBuilder): void {
  const node = graph.current;
  if (currentDecay !== 1) {
    const hint = "Means that differ from channel to channel are exact with a current decay of 1 only.";
    refuse(block, "currentDecay 1 with a norm", `currentDecay ${currentDecay}`, hint);
  }
  if (node.kind !== "conv" && node.kind !== "linear") {
    refuse(block, "a Conv2d or Linear before a norm", node.kind, "A sum pool has no place for a bias of each channel.");
  }
  node.bias = graphArray(biases, [biases.length]);
}
