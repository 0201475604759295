/** The backward pass of `neuron-scan.ts`: sorts what the tape gives into the native call's fields and its results back. */
import { type Shape, sizeOf } from "../../core/index.ts";
import { type ActivationType, core } from "../../kernels/index.ts";
import type { BackwardContext } from "../tape.ts";
import { Tensor } from "../tensor.ts";
import type { ScanSurrogate, ScanVariant } from "./neuron-scan.ts";

/** What forward knew and backward needs, without tensors. */
export interface ScanPlan {
  variant: ScanVariant;
  /** Of the sequences. */
  type: ActivationType;
  surrogate: ScanSurrogate;
  steps: number;
  /** Shape of a step `[...]`, and layout of all tensors. */
  shape: Shape;
  spatial: number;
  /** The input is `[...]`, the same at every step. */
  repeatedInput: boolean;
  /** Initial states that are one number for all neurons. */
  initialValues: Float64Array;
  learned: { shapes: Shape[]; gradients(gradParams: Float64Array): readonly number[] } | null;
  /** How many outputs of each kind there are: spike, final states (one for each state), state sequences, saved values. */
  outputs: { spike: number; stateSeqs: number; saved: number };
  /** Places among the held tensors, -1 where there is none. */
  places: { initial: number[]; saved: number[]; x: number };
}

/** How the native call gets an input: itself, or what a batch norm would have made of it, which then is never written. */
export function scanInput(x: Tensor | undefined, { kernels }: ScanVariant, elements: number) {
  const pending = x?.storage.pending;
  // neurons that were defined at run time take numbers as they are
  if (!pending || kernels || elements % pending.channels !== 0) return { x: buffer(x), affine: 0, channels: 1 };
  return { x: pending.x.buffer, affine: pending.affine.buffer, channels: pending.channels };
}

const buffer = (tensor: Tensor | null | undefined): number => tensor?.buffer ?? 0;

/** Gradients of [x, ...initial states, ...learned values] from those of [spike, ...final states, ...state sequences, ...saved]. */
export function scanGradients(plan: ScanPlan, { grads, saved: held, needs }: BackwardContext): (Tensor | null)[] {
  const { variant, type, steps, shape, spatial, outputs, places } = plan;
  const states = variant.stateNames.length;
  // outputs that were not asked for have no gradients: 0 in their places
  const gradients = (first: number, given: number, wanted: number) =>
    Array.from({ length: wanted }, (_, i) => (i < given ? buffer(grads[first + i]) : 0));
  const afterStates = outputs.spike + states;
  const heldAt = (place: number) => (place < 0 ? 0 : buffer(held[place]));

  const gradX = Tensor.empty(plan.repeatedInput ? shape : [steps, ...shape], type, spatial);
  const gradInitial = variant.stateNames.map((_, i) => (needs[1 + i] ? Tensor.empty(shape, "float32", spatial) : null));
  const gradParams = new Float64Array(variant.params.length);
  (variant.kernels ?? core()).neuronBackward({
    variant: variant.name,
    surrogate: variant.fires ? plan.surrogate.name : "",
    surrogateParams: plan.surrogate.params,
    steps,
    elements: sizeOf(shape),
    repeatedInput: plan.repeatedInput,
    ...scanInput(places.x < 0 ? undefined : held[places.x], variant, sizeOf(shape)),
    initialStates: places.initial.map(heldAt),
    initialValues: plan.initialValues,
    saved: places.saved.map(heldAt),
    params: variant.params,
    gradSpike: gradients(0, outputs.spike, 1)[0]!,
    gradFinalStates: gradients(outputs.spike, states, states),
    gradStateSeqs: gradients(afterStates, outputs.stateSeqs, states),
    gradSaved: gradients(afterStates + outputs.stateSeqs, outputs.saved, variant.savedNames.length),
    gradX: gradX.buffer,
    gradInitialStates: gradInitial.map(buffer),
    gradParams,
    type,
  });
  const values = plan.learned?.gradients(gradParams) ?? [];
  const gradLearned = (plan.learned?.shapes ?? []).map((learnedShape, i) =>
    needs[1 + states + i] ? Tensor.full(learnedShape, values[i]!) : null,
  );
  return [gradX, ...gradInitial, ...gradLearned];
}
