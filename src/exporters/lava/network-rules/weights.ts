/** Rules about the weights of a network: scale, grid, range, and what Lava's loader makes of a matrix. */
import { effectiveWeights, loadDense, WEIGHT_MAX, WEIGHT_MIN } from "../chip/dense-weights.ts";
import { type ChipNeuron, inSteps } from "../lowering/chip-neuron.ts";
import { isSilent, matricesOf } from "../lowering/lower-synapse.ts";
import type { BlockPart } from "../lowering/parts.ts";
import { eachBlock, eachNeuron, QUANTIZER } from "./judge.ts";

const isPowerOfTwo = (value: number): boolean => Number.isInteger(Math.log2(value));

/** With another scale, products of weights and spikes fall off the grid in training and lose their last bit. */
export const scalePowerOfTwo = eachNeuron(
  { rule: "scale-power-of-two", discrepancy: 9, source: QUANTIZER },
  ({ source: place }, { scale }) => [
    isPowerOfTwo(scale)
      ? null
      : {
          severity: "error",
          place,
          message: `The scale is ${scale}.`,
          rewrite: "Use a power of two, for example 64.",
        },
  ],
);

/** Each list of weights of a block, in steps, with the path of its layer. */
function stepsOf({ synapse, recurrent }: BlockPart, { scale }: ChipNeuron): { place: string; steps: Float64Array }[] {
  return [synapse, recurrent].flatMap((node) =>
    node && node.kind !== "pool" ? [{ place: node.source, steps: inSteps(node.weight.data, scale) }] : [],
  );
}

/** A plain loop over what may be millions of weights. */
function countOf(steps: Float64Array, isCounted: (step: number, index: number) => boolean): number {
  let count = 0;
  for (let i = 0; i < steps.length; i++) if (isCounted(steps[i]!, i)) count++;
  return count;
}

export const weightGrid = eachBlock({ rule: "weight-grid", discrepancy: 2, source: QUANTIZER }, (block, neuron) =>
  stepsOf(block, neuron).map(({ place, steps }) => {
    const off = countOf(steps, (step) => step % 2 !== 0);
    if (off === 0) return null;
    return {
      severity: "error",
      place,
      message: `${off} of ${steps.length} weights are no even multiple of 1/${neuron.scale}.`,
      rewrite: "Prepare the network for Loihi: it trains with weights on the grid.",
    };
  }),
);

/** The loader does not limit a convolution's weights, and cuts or loses a matrix's. */
export const weightRange = eachBlock({ rule: "weight-range", discrepancy: 29, source: QUANTIZER }, (block, neuron) =>
  stepsOf(block, neuron).map(({ place, steps }) => {
    const outside = countOf(steps, (step) => !(step >= WEIGHT_MIN && step <= WEIGHT_MAX));
    if (outside === 0) return null;
    return {
      severity: "error",
      place,
      message: `${outside} of ${steps.length} weights lie outside ${WEIGHT_MIN} to ${WEIGHT_MAX} steps of 1/${neuron.scale}.`,
      rewrite: "Use a smaller scale, or prepare the network for Loihi.",
    };
  }),
);

/** Some matrices lose precision in Lava's loader; it matters unless the layer cannot fire at all. */
export const densePrecision = eachBlock(
  { rule: "dense-precision", discrepancy: 21, source: "lava-dl netx/utils.py, optimize_weight_bits" },
  (block, neuron) => {
    const matrices = matricesOf(block, neuron);
    if (!matrices) return [];
    const loaded = loadDense(matrices);
    const total = matrices.reduce((sum, { data }) => sum + data.length, 0);
    const changed = loaded
      ? matrices.reduce((sum, { data }, i) => {
          const effective = effectiveWeights(loaded[i]!);
          return sum + countOf(data, (step, k) => step !== effective[k]);
        }, 0)
      : total;
    if (changed === 0) return [];
    const cause = loaded
      ? `Lava's loader changes ${changed} of ${total} weights, because none is positive.`
      : "All weights are zero, and Lava's loader fails on that.";
    const silent = isSilent(block, neuron);
    const message = `${cause} ${silent ? "No neuron of this layer can fire, so no spike changes." : "Spikes would change."}`;
    const rewrite = "Give the layer at least one positive weight.";
    return [{ severity: silent ? "warning" : "error", place: block.synapse.source, message, rewrite }];
  },
);
