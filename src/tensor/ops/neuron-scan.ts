/**
 * A spiking neuron over all time-steps in one native call, and its backward pass through time. It knows no neuron: which equations run is
 * the name of a generated variant, and what states, saved values and parameters mean is that variant's business.
 */
import { expectShape, fail, formatShape, sizeOf } from "../../core/index.ts";
import { core, type NativeCore } from "../../kernels/index.ts";
import { copyInLayout } from "../relayout.ts";
import { recordMany, willRecord } from "../tape.ts";
import { Tensor } from "../tensor.ts";
import { activationType, expectFloat } from "./arguments.ts";
import { toDtype } from "./cast.ts";
import { type ScanPlan, scanGradients, scanInput } from "./neuron-scan-backward.ts";
import { toPlain } from "./shape.ts";

/** What the generated kernels call a neuron with given options (`model/neurons` makes it). */
export interface ScanVariant {
  /** Name of the compiled step. */
  name: string;
  /** Its parameters in order, the learned ones with their current values. */
  params: Float64Array;
  stateNames: readonly string[];
  /** Values that forward can store (the charged potential). */
  savedNames: readonly string[];
  /** Which of them backward reads. */
  savedInBackward: readonly string[];
  /** Whether the derivative reads the input again. */
  readsInputInBackward: boolean;
  /** false: an integrator, whose output is the sequence of its first state. */
  fires: boolean;
  /** What runs it, where that is not the core: a neuron that was defined at run time. */
  kernels?: ScanKernels;
}

/** Runs a scan over the buffers of a call. */
export type ScanKernels = Pick<NativeCore, "neuronForward" | "neuronBackward">;

export interface ScanSurrogate {
  name: string;
  params: Float64Array;
}

/** Learned values that the variant's parameters were made from, and how their gradients follow from those of the parameters. */
export interface ScanLearned {
  /** One element each. */
  tensors: readonly Tensor[];
  /** Gradient of each tensor. */
  gradients(gradParams: Float64Array): readonly number[];
}

export interface NeuronScan {
  /** Input current `[T, ...]`, any layout; neurons are independent of each other. */
  x: Tensor;
  /** State before the first step, one for each state name: a tensor `[...]`, or one number for all neurons. */
  initialStates: readonly (Tensor | number)[];
  variant: ScanVariant;
  surrogate: ScanSurrogate;
  learned?: ScanLearned;
  /** Give back every state after each step `[T, ...]`. */
  storeStateSeqs?: boolean;
  /** Give back the saved values `[T, ...]` (the potential before reset). */
  storeSaved?: boolean;
}

export interface NeuronScanResult {
  /** `[T, ...]`: 1 where the neuron fired, else 0. Of a neuron that does not fire: a share of its first state's sequence. */
  spike: Tensor;
  /** State after the last step `[...]`, in the order of `stateNames`. */
  finalStates: Tensor[];
  /** States after each step `[T, ...]`; empty unless `storeStateSeqs` or the neuron does not fire. */
  stateSeqs: Tensor[];
  /** Saved values `[T, ...]`; empty unless `storeSaved`. */
  saved: Tensor[];
}

/**
 * Runs a neuron over `[T, ...]`. Gradients flow to the input, the initial states and the learned values, from every result. Without
 * recording (`noGrad`, or nothing that requires a gradient) nothing is saved for backward. An input that is the same at every step
 * (`repeatLeading`) is read as it is, and its gradient is summed over the steps on the way. Sequences have the type of x; states before and
 * after the scan are float32, as all arithmetic is.
 */
export function neuronScan(scan: NeuronScan): NeuronScanResult {
  expectScan(scan);
  const { variant, learned } = scan;
  const type = activationType("neuron", scan.x);
  if (variant.kernels && type !== "float32") {
    // neurons that were defined at run time take and give floats
    const result = neuronScan({ ...scan, x: toDtype(scan.x, "float32") });
    return { ...result, spike: toDtype(result.spike, type) };
  }
  const repeatedInput = scan.x.once !== null;
  const x = scan.x.once?.share() ?? timeFirst(scan.x);
  const { spatial } = x;
  const [steps = 0, ...shape] = scan.x.shape;
  const states = scan.initialStates.map((state) => (typeof state === "number" ? null : state));
  const inputs = [x, ...states, ...(learned?.tensors ?? [])];
  const recorded = willRecord(inputs);
  const sequence = () => Tensor.empty([steps, ...shape], type, spatial);
  const sequenceIf = (wanted: boolean) => (wanted ? sequence() : null);

  const initial = states.map((state) => state && copyInLayout(state, spatial));
  const initialValues = Float64Array.from(scan.initialStates, (state) => (typeof state === "number" ? state : 0));
  const finalStates = states.map(() => Tensor.empty(shape, "float32", spatial));
  const spike = sequenceIf(variant.fires);
  const saved = variant.savedNames.map((name) =>
    sequenceIf(scan.storeSaved === true || (recorded && variant.savedInBackward.includes(name))),
  );
  const stateSeqs = scan.storeStateSeqs || !variant.fires ? variant.stateNames.map(sequence) : [];
  (variant.kernels ?? core()).neuronForward({
    variant: variant.name,
    steps,
    elements: sizeOf(shape),
    repeatedInput,
    ...scanInput(x, variant, sizeOf(shape)),
    initialStates: initial.map((state) => state?.buffer ?? 0),
    initialValues,
    finalStates: finalStates.map((state) => state.buffer),
    params: variant.params,
    spike: spike?.buffer ?? 0,
    saved: saved.map((tensor) => tensor?.buffer ?? 0),
    stateSeqs: variant.stateNames.map((_, i) => stateSeqs[i]?.buffer ?? 0),
    type,
  });

  const exposed = scan.storeSaved ? saved.map((tensor) => tensor!.detach()) : [];
  const kept = [...initial, ...saved, variant.readsInputInBackward ? x : null];
  const memory = kept.filter((tensor) => tensor !== null);
  const places = kept.map((tensor) => (tensor ? memory.indexOf(tensor) : -1));
  const plan: ScanPlan = {
    variant,
    surrogate: scan.surrogate,
    type,
    steps,
    shape,
    spatial,
    repeatedInput,
    initialValues,
    learned: learned ? { shapes: learned.tensors.map((tensor) => tensor.shape), gradients: learned.gradients } : null,
    outputs: { spike: spike ? 1 : 0, stateSeqs: stateSeqs.length, saved: exposed.length },
    places: {
      initial: places.slice(0, initial.length),
      saved: places.slice(initial.length, -1),
      x: places.at(-1)!,
    },
  };
  const outputs = [...(spike ? [spike] : []), ...finalStates, ...stateSeqs, ...exposed];
  recordMany(variant.name, inputs, outputs, memory, (context) => scanGradients(plan, context));
  for (const tensor of [x, ...initial, ...saved]) tensor?.dispose();
  return { spike: spike ?? stateSeqs[0]!.share(), finalStates, stateSeqs, saved: exposed };
}

/** x with its time axis outermost in memory: always a new tensor. */
function timeFirst(x: Tensor): Tensor {
  return x.shape.length - 1 - x.spatial === 0 ? toPlain(x) : x.share();
}

function expectScan({ x, initialStates, variant, learned }: NeuronScan): void {
  const where = `neuron ${variant.name}`;
  expectFloat(where, ...(learned?.tensors ?? []));
  if (x.shape.length === 0) {
    fail("SHAPE", { where, expected: "an input with a time axis [T,...]", got: "a scalar" });
  }
  if (initialStates.length !== variant.stateNames.length) {
    fail("STATE", {
      where,
      expected: `initial states ${variant.stateNames.join(", ")}`,
      got: `${initialStates.length} of them`,
    });
  }
  for (const [i, state] of initialStates.entries()) {
    if (typeof state === "number") continue;
    expectFloat(where, state);
    const hint = "Reset the network (resetNet) when the batch size or the input changes.";
    expectShape(`${where} state ${variant.stateNames[i]}`, state.shape, x.shape.slice(1), hint);
  }
  for (const tensor of learned?.tensors ?? []) {
    if (tensor.size !== 1) {
      fail("SHAPE", { where, expected: "learned values of one element", got: formatShape(tensor.shape) });
    }
  }
}
