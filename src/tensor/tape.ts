/**
 * The tape: what was computed, in order, so that `backward()` can go through it in reverse (reverse-mode differentiation). It owns the
 * tensors that backward needs and frees each as soon as it was used. There is one tape; `backward.ts` reads and empties it.
 */
import { currentPlace, type Place } from "../kernels/index.ts";
import { keep } from "./ownership.ts";
import type { Tensor } from "./tensor.ts";
import { Variable } from "./variable.ts";

export interface BackwardContext {
  /** Gradient of each output in that output's shape and layout; null where nothing flowed. */
  grads: (Tensor | null)[];
  /** The tensors given as `saved`, in order. */
  saved: Tensor[];
  /** Which inputs want a gradient. */
  needs: boolean[];
}

/**
 * Returns the gradient of each input, or null where none is wanted: the shape of the input, in any layout. It runs inside `noGrad` and a
 * `scope` of its own, so it may use any operation. It must not capture tensors: what it needs goes through `saved`.
 */
export type Backward = (context: BackwardContext) => (Tensor | null)[];

export interface TapeNode {
  /** Position since the program started: the tape may be emptied while scopes are open, so its length says nothing. */
  id: number;
  name: string;
  /** The layer whose forward pass it belongs to. */
  place: Place | null;
  inputs: (Variable | null)[];
  outputs: (Variable | null)[];
  saved: Tensor[];
  backward: Backward;
}

const tape: TapeNode[] = [];
let nextId = 0;
let recording = true;

/** Where the tape stands, for `releaseSince`. */
export function tapeMark(): number {
  return nextId;
}

/** Forgets what was recorded after a mark and frees what it held. */
export function releaseSince(mark: number): void {
  while (tape.length > 0 && tape.at(-1)!.id >= mark) releaseNode(tape.pop()!);
}

/** Forgets everything that was recorded, for computations whose gradient is not wanted after all. */
export function clearTape(): void {
  releaseSince(0);
}

/** Takes the last operation off the tape; the caller releases it. */
export function takeLast(): TapeNode | undefined {
  return tape.pop();
}

export function releaseNode(node: TapeNode): void {
  for (const tensor of node.saved) tensor.dispose();
  node.saved = [];
  for (const variable of node.outputs) if (variable) variable.spent = true;
}

/** True while operations on tensors that require gradients are recorded. */
export function gradEnabled(): boolean {
  return recording;
}

/** True when an operation on these inputs would be recorded now: otherwise nothing needs to be saved for backward. */
export function willRecord(inputs: readonly (Tensor | null)[]): boolean {
  return recording && inputs.some((input) => input?.requiresGrad);
}

/** Runs `body` without recording: no gradients, less memory. */
export function noGrad<R>(body: () => R): R {
  const before = recording;
  recording = false;
  try {
    return body();
  } finally {
    recording = before;
  }
}

/**
 * Records one operation: `outputs` (new tensors) become variables when a gradient can flow to any input. `saved` tensors are shared by the
 * tape until backward has run, whatever the caller does with its own.
 */
export function recordMany(
  name: string,
  inputs: readonly (Tensor | null)[],
  outputs: readonly Tensor[],
  saved: readonly Tensor[],
  backward: Backward,
): void {
  if (!willRecord(inputs)) return;
  for (const output of outputs) output.variable = new Variable(false);
  tape.push({
    id: nextId++,
    name,
    place: currentPlace(),
    inputs: inputs.map((input) => input?.variable ?? null),
    outputs: outputs.map((output) => output.variable),
    saved: saved.map(hold),
    backward,
  });
}

/** As `recordMany`, for the usual operation with one output; `backward` receives its gradient. Returns the output. */
export function record(
  name: string,
  inputs: readonly (Tensor | null)[],
  output: Tensor,
  saved: readonly Tensor[],
  backward: (grad: Tensor, saved: Tensor[], needs: boolean[]) => (Tensor | null)[],
): Tensor {
  recordMany(name, inputs, [output], saved, ({ grads, saved: held, needs }) => backward(grads[0]!, held, needs));
  return output;
}

/** A share of a tensor that belongs to the tape, not to the open scope. */
export function hold(tensor: Tensor): Tensor {
  return keep(tensor.detach());
}
