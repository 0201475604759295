/**
 * A spiking neuron over all time-steps in one native call, and its backward pass through time. It knows no neuron: which equations run is
 * the name of a generated variant, and what states, saved values and parameters mean is that variant's business.
 */
import { expectShape, fail, formatShape } from "../../core/index.ts";
import { core } from "../../kernels/index.ts";
import { copyInLayout } from "../relayout.ts";
import { recordMany, willRecord } from "../tape.ts";
import { Tensor } from "../tensor.ts";
import { expectFloat } from "./arguments.ts";
import { type ScanPlan, scanGradients } from "./neuron-scan-backward.ts";
import { toPlain } from "./shape.ts";

/** What the generated kernels call a neuron with given options. */
export interface ScanVariant {
  /** Name of the compiled step. */
  name: string;
  /** Its parameters in order, learned ones included. */
  params: Float64Array;
  stateNames: readonly string[];
  /** Values that forward keeps for backward (the charged potential). */
  savedNames: readonly string[];
  /** Whether the derivative reads the input again. */
  readsInputInBackward: boolean;
}

export interface ScanSurrogate {
  name: string;
  params: Float64Array;
}

export interface LearnedScanValues {
  /** Tensors of one element. */
  tensors: readonly Tensor[];
  /** Gradient of each from the gradients of the variant's parameters. */
  gradients(gradParams: Float64Array): number[];
}

export interface NeuronScan {
  /** Input current `[T, ...]`, any layout; neurons are independent of each other. */
  x: Tensor;
  /** State before the first step, one for each state name: a tensor `[...]`, or one number for all neurons. */
  initialStates: readonly (Tensor | number)[];
  variant: ScanVariant;
  surrogate: ScanSurrogate;
  /** Learned values that `variant.params` was made from: their gradients are made from the parameters'. */
  learned?: LearnedScanValues;
  /** Give back every state after each step `[T, ...]`. */
  storeStateSeqs?: boolean;
  /** Give back the saved values `[T, ...]` (the potential before reset). */
  storeSaved?: boolean;
}

export interface NeuronScanResult {
  /** `[T, ...]`: 1 where the neuron fired, else 0. */
  spike: Tensor;
  /** State after the last step `[...]`, in the order of `stateNames`. */
  finalStates: Tensor[];
  /** States after each step `[T, ...]`; empty unless `storeStateSeqs`. */
  stateSeqs: Tensor[];
  /** Saved values `[T, ...]`; empty unless `storeSaved`. */
  saved: Tensor[];
}

/**
 * Runs a neuron over `[T, ...]`. Gradients flow to the input, the initial states and the learnable parameters, from every result. Without
 * recording (`noGrad`, or nothing that requires a gradient) nothing is saved for backward.
 */
export function neuronScan(scan: NeuronScan): NeuronScanResult {
  const { variant } = scan;
  expectScan(scan);
  const learned = scan.learned?.tensors ?? [];
  const x = timeFirst(scan.x);
  const { spatial } = x;
  const [steps = 0, ...shape] = x.shape;
  const givenStates = scan.initialStates.map((state) => (typeof state === "number" ? null : state));
  const inputs = [x, ...givenStates, ...learned];
  const recorded = willRecord(inputs);

  const params = Float64Array.from(variant.params);
  const initial = scan.initialStates.map((state) => stateTensor(state, shape, spatial));
  const sequence = () => Tensor.empty(x.shape, "float32", spatial);
  const spike = sequence();
  const finalStates = initial.map(copyOf);
  const saved = recorded || scan.storeSaved ? variant.savedNames.map(sequence) : [];
  const stateSeqs = scan.storeStateSeqs ? variant.stateNames.map(sequence) : [];
  core().neuronForward({
    variant: variant.name,
    steps,
    elements: x.size / Math.max(steps, 1),
    x: x.buffer,
    states: finalStates.map((state) => state.buffer),
    params,
    spike: spike.buffer,
    saved: variant.savedNames.map((_, i) => saved[i]?.buffer ?? 0),
    stateSeqs: variant.stateNames.map((_, i) => stateSeqs[i]?.buffer ?? 0),
  });

  const exposed = scan.storeSaved ? saved.map((tensor) => tensor.detach()) : [];
  const plan: ScanPlan = {
    variant,
    surrogate: scan.surrogate,
    params,
    shape: x.shape,
    spatial,
    learned: learned.map((tensor) => tensor.shape),
    learnedGradients: scan.learned?.gradients ?? (() => []),
    stateSeqs: stateSeqs.length,
  };
  const held = [...initial, ...saved, ...(variant.readsInputInBackward ? [x] : [])];
  recordMany(variant.name, inputs, [spike, ...finalStates, ...stateSeqs, ...exposed], held, (context) =>
    scanGradients(plan, context),
  );
  for (const tensor of [x, ...initial, ...saved]) tensor.dispose();
  return { spike, finalStates, stateSeqs, saved: exposed };
}

/** x with its time axis outermost in memory: always a new tensor. */
function timeFirst(x: Tensor): Tensor {
  return x.shape.length - 1 - x.spatial === 0 ? toPlain(x) : x.share();
}

/** A state before the first step, in the layout of the input: always a new tensor, without variable. */
function stateTensor(state: Tensor | number, shape: readonly number[], spatial: number): Tensor {
  if (typeof state !== "number") return copyInLayout(state, spatial);
  const out = Tensor.empty(shape, "float32", spatial);
  core().fill(out.buffer, out.size, state);
  return out;
}

function copyOf(x: Tensor): Tensor {
  const out = Tensor.empty(x.shape, "float32", x.spatial);
  core().copy(x.buffer, 0, out.buffer, 0, x.size * 4);
  return out;
}

function expectScan({ x, initialStates, variant, learned }: NeuronScan): void {
  const where = `neuron ${variant.name}`;
  expectFloat(where, x, ...(learned?.tensors ?? []));
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
  initialStates.forEach((state, i) => {
    if (typeof state === "number") return;
    expectFloat(where, state);
    const hint = "Reset the network (resetNet) when the batch size or the input changes.";
    expectShape(`${where} state ${variant.stateNames[i]}`, state.shape, x.shape.slice(1), hint);
  });
  for (const tensor of learned?.tensors ?? []) {
    if (tensor.size !== 1) {
      fail("SHAPE", { where: `${where} learned value`, expected: "one element", got: formatShape(tensor.shape) });
    }
  }
}
