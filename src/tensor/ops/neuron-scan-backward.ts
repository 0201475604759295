/** The backward pass of `neuron-scan.ts`: sorts what the tape gives into the native call's fields and its results back. */
import type { Shape } from "../../core/index.ts";
import { core } from "../../kernels/index.ts";
import type { BackwardContext } from "../tape.ts";
import { Tensor } from "../tensor.ts";
import type { ScanSurrogate, ScanVariant } from "./neuron-scan.ts";

/** What forward knew and backward needs, without tensors. */
export interface ScanPlan {
  variant: ScanVariant;
  surrogate: ScanSurrogate;
  /** Parameters as they were. */
  params: Float64Array;
  /** `[T, ...]` and layout of the input. */
  shape: Shape;
  spatial: number;
  /** Shapes of the learned values, and their gradients from the parameters'. */
  learned: Shape[];
  learnedGradients(gradParams: Float64Array): number[];
  /** Number of state sequences among the outputs. */
  stateSeqs: number;
}

/** Gradients of [x, ...initial states, ...learned values] from those of [spike, ...final states, ...state sequences, ...saved]. */
export function scanGradients(plan: ScanPlan, { grads, saved: held, needs }: BackwardContext): (Tensor | null)[] {
  const { variant, shape, spatial } = plan;
  const states = variant.stateNames.length;
  const values = variant.savedNames.length;
  const [steps = 0, ...stateShape] = shape;
  const elements = stateShape.reduce((total, size) => total * size, 1);
  const buffer = (tensor: Tensor | null | undefined) => tensor?.buffer ?? 0;
  const gradients = (start: number, count: number) =>
    Array.from({ length: count }, (_, i) => buffer(grads[start + i]));

  const gradX = Tensor.empty(shape, "float32", spatial);
  const gradInitial = variant.stateNames.map((_, i) =>
    needs[1 + i] ? Tensor.empty(stateShape, "float32", spatial) : null,
  );
  const gradParams = new Float64Array(plan.params.length);
  const afterStates = 1 + states;
  core().neuronBackward({
    variant: variant.name,
    surrogate: plan.surrogate.name,
    surrogateParams: plan.surrogate.params,
    steps,
    elements,
    x: variant.readsInputInBackward ? buffer(held.at(-1)) : 0,
    initialStates: held.slice(0, states).map(buffer),
    saved: held.slice(states, states + values).map(buffer),
    params: plan.params,
    gradSpike: buffer(grads[0]),
    gradFinalStates: gradients(1, states),
    // sequences that were not stored have no outputs: their places are empty, and those of saved values follow directly
    gradStateSeqs: plan.stateSeqs > 0 ? gradients(afterStates, states) : new Array<number>(states).fill(0),
    gradSaved: gradients(afterStates + plan.stateSeqs, values),
    gradX: gradX.buffer,
    gradInitialStates: gradInitial.map(buffer),
    gradParams,
  });
  const gradLearned = plan.learnedGradients(gradParams);
  const learned = plan.learned.map((learnedShape, i) =>
    needs[1 + states + i] ? Tensor.full(learnedShape, gradLearned[i]!) : null,
  );
  return [gradX, ...gradInitial, ...learned];
}
