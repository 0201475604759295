/** What quantization did to the numbers of one block, counted. */
import type { Layer } from "../../model/index.ts";
import type { QuantizedLayer } from "../study.ts";
import { thresholdOf } from "./fold/fold-neuron.ts";
import type { FoldedPair } from "./fold/parts.ts";
import { scaleOf } from "./neuron.ts";
import { BIAS_MAX, BIAS_MIN, WEIGHT_MAX, WEIGHT_MIN } from "./weights.ts";

/** Counts on the block's tensors before they are rounded; `biasCorrection` in weight steps. */
export function describeBlock(block: Layer, pair: FoldedPair, biasCorrection: number): QuantizedLayer {
  const { synapse, neuron } = block.options as { synapse: Layer; neuron: Layer };
  const scale = scaleOf(neuron);
  const threshold = thresholdOf(neuron) * scale;
  const steps = inSteps(synapse, "weight", scale);
  const changes = steps.map((step) => Math.min(WEIGHT_MAX, Math.max(WEIGHT_MIN, 2 * roundEven(step / 2))) - step);
  const biases = inSteps(synapse, "bias", scale);
  const power = sumOfSquares(steps);
  return {
    place: pair.names.join("."),
    synapse: synapse.kind,
    scale,
    threshold: Math.trunc(threshold),
    thresholdCut: threshold - Math.trunc(threshold),
    weights: steps.length,
    rounded: changes.filter((change) => change !== 0).length,
    clipped: steps.filter((step) => step > WEIGHT_MAX + 1 || step < WEIGHT_MIN - 1).length,
    largestChange: changes.reduce((largest, change) => Math.max(largest, Math.abs(change)), 0),
    relativeError: power === 0 ? 0 : sumOfSquares(changes) / power,
    biases: biases.length,
    roundedBiases: biases.filter((step) => !Number.isInteger(step) || isBeyond(step)).length,
    clippedBiases: biases.filter(isBeyond).length,
    biasCorrection,
  };
}

const isBeyond = (bias: number): boolean => bias > BIAS_MAX || bias < BIAS_MIN;

function inSteps(synapse: Layer, name: string, scale: number): Float64Array {
  return synapse.specs[name]
    ? Float64Array.from(synapse.tensor(name).toArray(), (value) => value * scale)
    : new Float64Array();
}

const sumOfSquares = (values: Float64Array): number => values.reduce((total, value) => total + value * value, 0);

/** Nearest whole number, halves to the even one. */
function roundEven(value: number): number {
  const nearest = Math.round(value);
  return nearest - value === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
}
