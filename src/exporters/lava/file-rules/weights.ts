/** Rules about the weights of a `.net` file: the chip's grid and range, and what the loader loses of a matrix. */
import { effectiveWeights, loadDense, WEIGHT_MAX, WEIGHT_MIN } from "../chip/dense-weights.ts";
import type { NetArray } from "../net/net-file.ts";
import { biasOf, countOf, delayOf, eachLayer, LOADER, QUANTIZER, weightsOf } from "./judge.ts";

const BITS = "lava-dl netx/utils.py, optimize_weight_bits";

/** Sections on encodings: netx casts, and a C cast cuts fractions off. */
export const wholeNumbers = eachLayer({ rule: "whole-weights", discrepancy: 9, source: LOADER }, (layer) =>
  [...weightsOf(layer), ["bias", biasOf(layer)] as const, ["delay", delayOf(layer)] as const].map(([member, array]) => {
    const count = array ? countOf(array, (value) => !Number.isInteger(value)) : 0;
    const message = `${count} numbers have fractions, which Lava's loader cuts off.`;
    return count === 0 ? null : { severity: "warning", member, message, rewrite: "Write whole numbers." };
  }),
);

/** Odd weights simulate as they are, but take a ninth bit that the chip does not have. They come from a scale that is no power of two. */
export const weightGrid = eachLayer(
  { rule: "weight-grid", discrepancy: 9, source: `${QUANTIZER} and netx/utils.py` },
  (layer) =>
    weightsOf(layer).map(([member, array]) => {
      const count = countOf(array, (value) => Math.trunc(value) % 2 !== 0);
      const message = `${count} of ${array.data.length} weights are odd; the chip holds signed weights in steps of two, and a scale that is no power of two makes such weights and loses one by rounding.`;
      const rewrite = "Write even weights; train with a scale that is a power of two.";
      return count === 0 ? null : { severity: "warning", member, message, rewrite };
    }),
);

/** Lava clips or drops such weights of a matrix, and simulates those of a convolution as if the chip could hold them. */
export const weightRange = eachLayer(
  { rule: "weight-range", discrepancy: 29, source: `${QUANTIZER} and netx/utils.py` },
  (layer) =>
    weightsOf(layer).map(([member, array]) => {
      const count = countOf(array, (value) => Math.trunc(value) < WEIGHT_MIN || Math.trunc(value) > WEIGHT_MAX);
      const message = `${count} of ${array.data.length} weights lie outside ${WEIGHT_MIN} to ${WEIGHT_MAX}; the chip cannot hold them.`;
      return count === 0 ? null : { severity: "error", member, message, rewrite: "Use a smaller scale." };
    }),
);

/** slayer clamps at 254, SpikingJelly trained with 255, which is not on the grid. A pool's 254 is judged by a rule of its own. */
export const clampedWeights = eachLayer(
  { rule: "clamped-weights", discrepancy: 2, source: "SpikingJelly activation_based/lava_exchange.py, quantize_8b" },
  (layer) =>
    (layer.type === "pool" || layer.type === "unpool" ? [] : weightsOf(layer)).map(([member, array]) => {
      const count = countOf(array, (value) => Math.trunc(value) === WEIGHT_MAX);
      const message = `${count} weights stand at ${WEIGHT_MAX}, the end of the range: trained with SpikingJelly they were 255, so its spikes may differ from this file's.`;
      return count === 0
        ? null
        : { severity: "note", member, message, rewrite: `Clamp at ${WEIGHT_MAX} steps in training.` };
    }),
);

/** What the loader makes of a matrix, with the number of what it gets wrong. Everything that is lost by signs or by range. */
function changedWeights(array: NetArray, effective: Int32Array): number {
  return array.data.reduce((n, value, at) => n + (Math.trunc(value) === effective[at] ? 0 : 1), 0);
}

/** Matrices of a layer, in the file and as Lava multiplies them; none where its loader fails. */
function loadedMatrices(
  layer: Parameters<typeof weightsOf>[0],
): { member: string; array: NetArray; effective: Int32Array }[] {
  if (layer.type !== "dense" && layer.type !== "dense_rec") return [];
  const matrices = weightsOf(layer);
  const together = layer.type === "dense_rec" ? loadDense(matrices.map(([, array]) => array)) : null;
  return matrices.flatMap(([member, array], i) => {
    const synapse = together?.[i] ?? loadDense([array])?.[0];
    return synapse ? [{ member, array, effective: effectiveWeights(synapse) }] : [];
  });
}

const isOneSigned = ({ data }: NetArray): boolean => {
  const values = Array.from(data, Math.trunc);
  return values.every((value) => value >= 0) || values.every((value) => value <= 0);
};
const isInRange = ({ data }: NetArray): boolean =>
  data.every((value) => Math.trunc(value) >= WEIGHT_MIN && Math.trunc(value) <= WEIGHT_MAX);

/** Precision lost because loader and synapse judge the signs of a matrix differently, or count its bits wrongly. */
export const densePrecision = eachLayer({ rule: "dense-precision", discrepancy: 21, source: BITS }, (layer) =>
  loadedMatrices(layer).map(({ member, array, effective }) => {
    const changed = changedWeights(array, effective);
    const message = `Lava's loader changes ${changed} of ${effective.length} weights.`;
    const rewrite = "Give the layer weights of both signs, within the range.";
    return changed === 0 || !isInRange(array) ? null : { severity: "warning", member, message, rewrite };
  }),
);

/** Weights of one sign beyond the range become 0, all of them; those of both signs are clipped. */
export const denseRange = eachLayer({ rule: "dense-range", discrepancy: 22, source: BITS }, (layer) =>
  loadedMatrices(layer).map(({ member, array, effective }) => {
    const changed = changedWeights(array, effective);
    const fate = isOneSigned(array) ? "makes them 0" : "clips them";
    const message = `Weights beyond the range: Lava's loader ${fate}, ${changed} of ${effective.length} in all.`;
    return changed === 0 || isInRange(array)
      ? null
      : { severity: "error", member, message, rewrite: "Use a smaller scale, so that all weights fit." };
  }),
);

/** Weight exponents of Loihi 1. For Loihi 2 the range is unknown. */
const EXPONENT_MIN = -7;

/** Small weights are shifted left so that they use all bits, and their sums back by the exponent. */
export const weightExponent = eachLayer(
  { rule: "weight-exponent", source: "nengo-loihi validate_synapse_cfg" },
  (layer) =>
    layer.type !== "dense" && layer.type !== "dense_rec"
      ? []
      : weightsOf(layer).map(([member, array]) => {
          const shift = loadDense([array])?.[0]?.shift ?? 0;
          const message = `The loader gives these weights the exponent ${-shift}; Loihi 1 holds ${EXPONENT_MIN} to 7, what Loihi 2 holds is unknown.`;
          return -shift >= EXPONENT_MIN
            ? null
            : { severity: "warning", member, message, rewrite: "Use a larger scale." };
        }),
);
