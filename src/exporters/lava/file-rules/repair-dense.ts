/**
 * The nearest matrices that Lava's loader does not spoil, for those that it does: zeros alone, inhibition alone, weights beyond the range.
 * Each proposal is proven by running the loader's procedure (`dense-weights.ts`); the one that changes weights least in sum is taken.
 */
import { effectiveWeights, loadDense, WEIGHT_MAX, WEIGHT_MIN } from "../chip/dense-weights.ts";
import type { NetArray } from "../net/net-file.ts";

/** A weight of the matrix that was proposed. */
export interface WeightChange {
  /** Which of the matrices. */
  matrix: number;
  index: number;
  from: number;
  to: number;
}

/** The smallest step of a weight with sign. */
const STEP = 2;

const whole = ({ shape, data }: NetArray): NetArray => ({ shape, data: data.map((value) => Math.trunc(value) + 0) });

/** True when Lava multiplies with exactly these whole numbers. */
export function loadsExactly(matrices: readonly NetArray[]): boolean {
  const loaded = loadDense(matrices);
  return (
    loaded?.every((synapse, i) => {
      const effective = effectiveWeights(synapse);
      return matrices[i]!.data.every((value, at) => Math.trunc(value) === effective[at]);
    }) ?? false
  );
}

const clipped = ({ shape, data }: NetArray): NetArray => ({
  shape,
  data: data.map((value) => Math.min(Math.max(value, WEIGHT_MIN), WEIGHT_MAX)),
});

/** The weight that lies nearest to zero from below becomes a little excitation, so that the matrix has both signs. */
function withExcitation(array: NetArray): NetArray {
  const data = Float64Array.from(array.data);
  data[data.reduce((best, value, i) => (value > data[best]! ? i : best), 0)] = STEP;
  return { ...array, data };
}

/** The strongest inhibition, a power of two that the loader shifts out of its range, becomes a step weaker. */
function withWeakerExtreme(array: NetArray): NetArray {
  const least = array.data.reduce((a, b) => Math.min(a, b));
  return { ...array, data: array.data.map((value) => (value === least ? value + STEP : value)) };
}

/** A matrix without any weight gets the weakest inhibition. */
function withInhibition(array: NetArray): NetArray {
  const data = Float64Array.from(array.data);
  data[0] = -STEP;
  return { ...array, data };
}

const MENDERS = [(array: NetArray) => array, withExcitation, withWeakerExtreme, withInhibition];

function changesBetween(before: readonly NetArray[], after: readonly NetArray[]): WeightChange[] {
  return before.flatMap(({ data }, matrix) =>
    Array.from(data).flatMap((from, index) => {
      const to = after[matrix]!.data[index]!;
      return from === to ? [] : [{ matrix, index, from, to }];
    }),
  );
}

const totalChange = (changes: readonly WeightChange[]): number =>
  changes.reduce((sum, { from, to }) => sum + Math.abs(to - from), 0);

/**
 * Matrices `[O,I]` that share one exponent, mended. No changes where the loader spoils nothing but fractions; null where no proposal helps.
 */
export function repairDense(matrices: readonly NetArray[]): { matrices: NetArray[]; changes: WeightChange[] } | null {
  const stored = matrices.map(whole);
  const inRange = stored.map(clipped);
  const proposals = MENDERS.flatMap((first) =>
    matrices.length === 1 ? [[first]] : MENDERS.map((second) => [first, second]),
  ).map((menders) => inRange.map((array, i) => menders[i]!(array)));
  const sound = proposals
    .filter(loadsExactly)
    .map((proposal) => ({ matrices: proposal, changes: changesBetween(stored, proposal) }))
    .sort((a, b) => totalChange(a.changes) - totalChange(b.changes));
  return sound[0] ?? null;
}
