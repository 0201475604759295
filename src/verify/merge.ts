/** Puts comparisons together: parts of one run into a whole, and the first differences of all layers into the first of all. */
import { expectShape, fail } from "../core/index.ts";
import type { Difference, LayerComparison } from "./layers.ts";

/** Is `a` earlier than `b` in time order? Both of one layer. */
function isEarlier(a: Difference, b: Difference): boolean {
  return a.step < b.step || (a.step === b.step && a.sample < b.sample);
}

/**
 * Joins the comparisons of several parts of one run (other samples, same layers), in order of their samples.
 * @throws CONTRACT when the parts do not have the same layers.
 */
export function mergeComparisons(parts: readonly LayerComparison[][]): LayerComparison[] {
  const [first = [], ...others] = parts;
  return others.reduce((merged, part) => {
    if (part.length !== merged.length || part.some((layer, i) => layer.layer !== merged[i]!.layer)) {
      fail("CONTRACT", {
        where: "parts of a comparison",
        expected: `the layers ${merged.map((layer) => layer.layer).join(", ")}`,
        got: part.map((layer) => layer.layer).join(", ") || "none",
      });
    }
    return merged.map((layer, i) => mergeLayer(layer, part[i]!));
  }, first);
}

function mergeLayer(a: LayerComparison, b: LayerComparison): LayerComparison {
  expectShape(`layer "${a.layer}", parts of a comparison [T, ...]`, [b.steps, ...b.neurons], [a.steps, ...a.neurons]);
  const differences = [a.firstDifference, b.firstDifference].filter((difference) => difference !== null);
  const values = a.values + b.values;
  const mismatches = a.mismatches + b.mismatches;
  return {
    ...a,
    samples: a.samples + b.samples,
    values,
    trainedSpikes: a.trainedSpikes + b.trainedSpikes,
    chipSpikes: a.chipSpikes + b.chipSpikes,
    mismatches,
    flipRate: values === 0 ? 0 : mismatches / values,
    mismatchesByStep: a.mismatchesByStep.map((count, step) => count + b.mismatchesByStep[step]!),
    firstDifference: differences.reduce<Difference | null>(
      (best, next) => (best && !isEarlier(next, best) ? best : next),
      null,
    ),
  };
}

/**
 * The difference from which all others may follow: the earliest step, and there the first layer. Nothing before it in its own sample
 * differs, because within a step layers run in order.
 */
export function firstDifference(layers: readonly LayerComparison[]): Difference | null {
  return layers.reduce<Difference | null>((best, { firstDifference: next }) => {
    if (next === null) return best;
    return best === null || next.step < best.step ? next : best;
  }, null);
}
