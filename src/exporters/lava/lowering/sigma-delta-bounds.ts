/** How far the sums and messages of sigma-delta layers can go in the worst case over all inputs, layer by layer from the input on. */
import type { NeuronNode } from "../../../model/index.ts";
import { WEIGHT_MAX, WEIGHT_MIN } from "../chip/dense-weights.ts";
import { blocksOf, type Chain, inputNeuronOf } from "./chain.ts";
import { chipNeuronOf, type SigmaDeltaChip } from "./chip-neuron.ts";
import { biasRangeOf, driveOfBlock } from "./lower-synapse.ts";
import type { BlockPart } from "./parts.ts";

/** Training units. */
export interface SigmaDeltaBound {
  node: NeuronNode;
  neuron: SigmaDeltaChip;
  /** Largest size of a sum, or of what arrives in one step. */
  sum: number;
  /** Largest size of a change that is sent. */
  message: number;
}

interface Range {
  low: number;
  high: number;
}

/** Empty where the network does not begin with a delta neuron. */
export function sigmaDeltaBounds(chain: Chain): SigmaDeltaBound[] {
  const node = inputNeuronOf(chain);
  const neuron = node && chipNeuronOf(node);
  if (!node || !neuron || neuron.model === "cuba") return [];
  // cutting messages to 12 binary places loses up to one of them in every step
  const lost = chain.steps / 2 ** 12;
  let range: Range = { low: WEIGHT_MIN / neuron.scale, high: WEIGHT_MAX / neuron.scale };
  const bounds: SigmaDeltaBound[] = [{ node, neuron, sum: -range.low, message: range.high - range.low + lost }];
  for (const block of blocksOf(chain)) {
    const own = chipNeuronOf(block.neuron);
    if (!own || own.model === "cuba") continue;
    const { sum, next } = behind(block, own, { low: range.low - lost, high: range.high + lost });
    range = next;
    bounds.push({ node: block.neuron, neuron: own, sum, message: range.high - range.low + lost });
  }
  return bounds;
}

/** The sum of a block whose inputs have a range, and its activation, which is rectified. */
function behind(block: BlockPart, neuron: SigmaDeltaChip, { low, high }: Range): { sum: number; next: Range } {
  const drive = driveOfBlock(block, neuron);
  const [positive, negative] = [drive.positive / neuron.scale, drive.negative / neuron.scale];
  const bias = biasRangeOf(block, neuron);
  const highest = positive * high - negative * low + bias.max / neuron.scale;
  const lowest = positive * low - negative * high + bias.min / neuron.scale;
  const step = (positive + negative) * (high - low);
  const next = neuron.model === "sigma" ? { low: lowest, high: highest } : { low: 0, high: Math.max(0, highest) };
  return { sum: Math.max(highest, -lowest, step), next };
}
