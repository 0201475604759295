/** The backward pass of `neuron-scan.ts`: sorts what the tape gives into the native call's fields and its results back. */
import { type Shape, sizeOf } from "../../core/index.ts";
import { core } from "../../kernels/index.ts";
import type { BackwardContext } from "../tape.ts";
import { Tensor } from "../tensor.ts";
import type { ScanSurrogate, ScanVariant } from "./neuron-scan.ts";

/** What forward knew and backward needs, without tensors. */
export interface ScanPlan {
  variant: ScanVariant;
  surrogate: ScanSurrogate;
  /** `[T, ...]` and layout of the input. */
  shape: Shape;
  spatial: number;
  learned: { shapes: Shape[]; gradients(gradParams: Float64Array): readonly number[] } | null;
  /** How many outputs of each kind there are: spike, final states (one for each state), state sequences, saved values. */
  outputs: { spike: number; stateSeqs: number; saved: number };
  /** Place of each saved value among the held tensors, -1 where it was not stored. */
  savedPlaces: number[];
}

const buffer = (tensor: Tensor | null | undefined): number => tensor?.buffer ?? 0;

/** Gradients of [x, ...initial states, ...learned values] from those of [spike, ...final states, ...state sequences, ...saved]. */
export function scanGradients(plan: ScanPlan, { grads, saved: held, needs }: BackwardContext): (Tensor | null)[] {
  const { variant, shape, spatial, outputs } = plan;
  const states = variant.stateNames.length;
  const [steps = 0, ...stateShape] = shape;
  // outputs that were not asked for have no gradients: 0 in their places
  const gradients = (first: number, given: number, wanted: number) =>
    Array.from({ length: wanted }, (_, i) => (i < given ? buffer(grads[first + i]) : 0));
  const afterStates = outputs.spike + states;

  const gradX = Tensor.empty(shape, "float32", spatial);
  const gradInitial = variant.stateNames.map((_, i) =>
    needs[1 + i] ? Tensor.empty(stateShape, "float32", spatial) : null,
  );
  const gradParams = new Float64Array(variant.params.length);
  core().neuronBackward({
    variant: variant.name,
    surrogate: variant.fires ? plan.surrogate.name : "",
    surrogateParams: plan.surrogate.params,
    steps,
    elements: sizeOf(stateShape),
    x: variant.readsInputInBackward ? buffer(held.at(-1)) : 0,
    initialStates: held.slice(0, states).map(buffer),
    saved: plan.savedPlaces.map((place) => (place < 0 ? 0 : buffer(held[place]))),
    params: variant.params,
    gradSpike: gradients(0, outputs.spike, 1)[0]!,
    gradFinalStates: gradients(outputs.spike, states, states),
    gradStateSeqs: gradients(afterStates, outputs.stateSeqs, states),
    gradSaved: gradients(afterStates + outputs.stateSeqs, outputs.saved, variant.savedNames.length),
    gradX: gradX.buffer,
    gradInitialStates: gradInitial.map(buffer),
    gradParams,
  });
  const values = plan.learned?.gradients(gradParams) ?? [];
  const gradLearned = (plan.learned?.shapes ?? []).map((learnedShape, i) =>
    needs[1 + states + i] ? Tensor.full(learnedShape, values[i]!) : null,
  );
  return [gradX, ...gradInitial, ...gradLearned];
}
