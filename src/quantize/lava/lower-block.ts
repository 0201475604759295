/** A block as graph nodes: the synapse with the weights it computes with, and one CUBA neuron, whose bias a norm becomes. */
import { freezeNeuron, type GraphBuilder, type GraphNode, graphArray, type Layer } from "../../model/index.ts";
import { noGrad, scope, type Tensor } from "../../tensor/index.ts";
import { lowerDivisor } from "./lower-divisor.ts";
import { type CubaOptions, rulesOf } from "./neuron.ts";
import { refuse } from "./refusal.ts";
import { quantizeBias, quantizeWeights } from "./weights.ts";

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
  expectBinarySpikes(neuron);
  const { scale } = neuron.options as CubaOptions;
  synapse.definition.lower(synapse, graph);
  const node = graph.current;
  if (node.kind === "conv" || node.kind === "linear") {
    node.weight = graphArray(weightsOnGrid(synapse, "weight", scale, rulesOf(neuron).weightMax), node.weight.shape);
    if (node.bias) node.bias = graphArray(biasOnGrid(synapse, scale), node.bias.shape);
  }
  return node;
}

/** @throws TARGET for a neuron whose spikes carry numbers */
export function expectBinarySpikes(neuron: Layer): void {
  if (!(neuron.options as CubaOptions).gradedSpike) return;
  const hint = "Lava's loader reads graded CUBA spikes as binary ones: train with gradedSpike: false.";
  refuse(neuron, "binary spikes", "gradedSpike true", hint);
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

/** Weights `[O, ...]` or other numbers of a layer as its block computes with them. */
export function weightsOnGrid(layer: Layer, name: string, scale: number, largest?: number): Float32Array {
  return numbersOf(() => quantizeWeights(layer.tensor(name), scale, largest));
}

/** Biases of a layer as its block computes with them. */
export function biasOnGrid(layer: Layer, scale: number): Float32Array {
  return numbersOf(() => quantizeBias(layer.tensor("bias"), scale));
}

/** Without negative zeros, which no integer has. */
function numbersOf(compute: () => Tensor): Float32Array {
  return noGrad(() => scope(() => compute().toArray() as Float32Array)).map((number) => number + 0);
}

/** Lava DL's bias: minus the quantized running mean, added to the voltage at every step. A divisor goes into the threshold. */
function lowerNormed(block: LowerableBlock, norm: Layer, scale: number, graph: GraphBuilder): void {
  const { surrogate: _, storeVSeq: __, ...options } = block.options.neuron.options as CubaOptions;
  const halves = [block.children.get("current")!, block.children.get("neuron")!];
  const learned = halves.flatMap((half) =>
    [...half.parameters].map(([name, tensor]) => [name, tensor.item()] as const),
  );
  const frozen = freezeNeuron("CubaLIFNode", options, Object.fromEntries(learned));
  const means = weightsOnGrid(norm, "running_mean", scale).map((mean) => 0 - mean);
  const { neuron, biases, notes } = lowerDivisor(norm, frozen.options as CubaOptions, means, graph.current);
  const common = biases.every((bias) => bias === biases[0]) ? biases[0]! : null;
  graph.add("neuron", {
    source: halves[1]!.path,
    shape: graph.current.shape,
    neuron: frozen.kind,
    options: { ...neuron, bias: common ?? 0 },
    ...(common === null ? { channelBias: graphArray(biases, [biases.length]) } : {}),
    ...(notes.length > 0 ? { notes } : {}),
  });
}
