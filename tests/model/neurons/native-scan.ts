/** Runs neuron variants through the native core with plain arrays, and gives every buffer back. */
import { type BufferId, core } from "../../../src/kernels/index.ts";
import type {
  GivenGradients,
  InterpretedBackward,
  InterpretedForward,
  NeuronVariant,
} from "../../../src/model/neurons/index.ts";
import type { surrogateCall } from "../../../src/model/surrogates/index.ts";

/** Buffers of one call: filled, read back, and all released when the call is over. */
class Buffers {
  readonly #all: BufferId[] = [];

  empty(count: number): BufferId {
    const id = core().alloc(Math.max(4, count * 4));
    this.#all.push(id);
    return id;
  }

  filled(data: Float32Array | undefined): BufferId {
    if (!data) return 0;
    const id = this.empty(data.length);
    core().write(id, 0, data);
    return id;
  }

  read(id: BufferId, count: number): Float32Array {
    const data = new Float32Array(count);
    if (id !== 0) core().read(id, 0, data);
    return data;
  }

  release(): void {
    for (const id of this.#all) core().release(id);
  }
}

function withBuffers<T>(run: (buffers: Buffers) => T): T {
  const buffers = new Buffers();
  try {
    return run(buffers);
  } finally {
    buffers.release();
  }
}

export function nativeForward(
  variant: NeuronVariant,
  steps: number,
  x: Float32Array,
  initialStates: Readonly<Record<string, Float32Array>>,
): InterpretedForward {
  const elements = x.length / steps;
  return withBuffers((buffers) => {
    const states = variant.stateNames.map((name) => buffers.filled(initialStates[name]));
    const stateSeqs = variant.stateNames.map(() => buffers.empty(x.length));
    const saved = variant.savedNames.map(() => buffers.empty(x.length));
    const spike = variant.fires ? buffers.empty(x.length) : 0;
    core().neuronForward({
      variant: variant.name,
      steps,
      elements,
      repeatedInput: false,
      x: buffers.filled(x),
      initialStates: states,
      initialValues: new Float64Array(states.length),
      finalStates: states,
      params: variant.params,
      spike,
      saved,
      stateSeqs,
      affine: 0,
      channels: 1,
    });
    const named = (names: readonly string[], ids: BufferId[], count: number) =>
      Object.fromEntries(names.map((name, i) => [name, buffers.read(ids[i]!, count)]));
    return {
      spike: buffers.read(spike, x.length),
      saved: named(variant.savedNames, saved, x.length),
      stateSeqs: named(variant.stateNames, stateSeqs, x.length),
      finalStates: named(variant.stateNames, states, elements),
    };
  });
}

export interface NativeBackwardRun {
  steps: number;
  x: Float32Array;
  initialStates: Readonly<Record<string, Float32Array>>;
  saved: Readonly<Record<string, Float32Array>>;
  gradients: GivenGradients;
  surrogate?: ReturnType<typeof surrogateCall>;
  /** Give every saved value, also where the kernel would compute it again. */
  givesSaved?: boolean;
}

export function nativeBackward(variant: NeuronVariant, run: NativeBackwardRun): InterpretedBackward {
  const elements = run.x.length / run.steps;
  return withBuffers((buffers) => {
    const list = (names: readonly string[], arrays: Readonly<Record<string, Float32Array>> | undefined) =>
      names.map((name) => buffers.filled(arrays?.[name]));
    const gradX = buffers.empty(run.x.length);
    const gradInitialStates = variant.stateNames.map(() => buffers.empty(elements));
    const gradParams = new Float64Array(variant.params.length);
    core().neuronBackward({
      variant: variant.name,
      surrogate: run.surrogate?.surrogate ?? "",
      surrogateParams: run.surrogate?.surrogateParams ?? new Float64Array(0),
      steps: run.steps,
      elements,
      repeatedInput: false,
      x: variant.readsInputInBackward ? buffers.filled(run.x) : 0,
      initialStates: list(variant.stateNames, run.initialStates),
      initialValues: new Float64Array(variant.stateNames.length),
      saved: variant.savedNames.map((name) =>
        run.givesSaved || variant.savedInBackward.includes(name) ? buffers.filled(run.saved[name]) : 0,
      ),
      params: variant.params,
      gradSpike: buffers.filled(run.gradients.spike),
      gradStateSeqs: list(variant.stateNames, run.gradients.stateSeqs),
      gradSaved: list(variant.savedNames, run.gradients.saved),
      gradFinalStates: list(variant.stateNames, run.gradients.finalStates),
      gradX,
      gradInitialStates,
      gradParams,
      affine: 0,
      channels: 1,
    });
    return {
      x: buffers.read(gradX, run.x.length),
      initialStates: Object.fromEntries(
        variant.stateNames.map((name, i) => [name, buffers.read(gradInitialStates[i]!, elements)]),
      ),
      params: gradParams,
    };
  });
}

/** A surrogate's derivative or primitive (`"ATan.primitive"`) by the native core. */
export function nativeSurrogate(name: string, params: Float64Array, x: Float32Array): Float32Array {
  return withBuffers((buffers) => {
    const out = buffers.empty(x.length);
    core().surrogateGrad(name, params, buffers.filled(x), out, x.length);
    return buffers.read(out, x.length);
  });
}
