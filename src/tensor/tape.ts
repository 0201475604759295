/**
 * The tape: what was computed, in order, so that `backward()` can go through it in reverse (reverse-mode differentiation).
 * It owns the tensors that backward needs and frees each as soon as it was used.
 */
import { fail, formatShape } from "../core/index.ts";
import { core } from "../kernels/index.ts";
import { keep, scope } from "./scope.ts";
import { Tensor, Variable } from "./tensor.ts";

export interface BackwardContext {
  /** Gradient of each output; null where nothing flowed. */
  grads: (Tensor | null)[];
  /** The tensors given as `saved`, in order. */
  saved: Tensor[];
  /** Which inputs want a gradient. */
  needs: boolean[];
}

/** Returns the gradient of each input, or null where none is wanted. */
export type Backward = (context: BackwardContext) => (Tensor | null)[];

interface TapeNode {
  name: string;
  inputs: (Variable | null)[];
  outputs: (Variable | null)[];
  saved: Tensor[];
  backward: Backward;
}

const tape: TapeNode[] = [];
let recording = true;

/** Number of recorded operations, for `scope`. */
export function tapeLength(): number {
  return tape.length;
}

/** Forgets what was recorded after a point and frees what it held. */
export function releaseSince(length: number): void {
  while (tape.length > length) free(tape.pop()!);
}

function free(node: TapeNode): void {
  for (const tensor of node.saved) tensor.dispose();
  node.saved = [];
}

/** True while operations on tensors that require gradients are recorded. */
export function gradEnabled(): boolean {
  return recording;
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
 * Records one operation. `saved` tensors are shared by the tape until backward has run, whatever the caller does with its own.
 * Returns the outputs, marked as variables when a gradient can flow to any input.
 */
export function recordMany(
  name: string,
  inputs: readonly (Tensor | null)[],
  outputs: readonly Tensor[],
  saved: readonly Tensor[],
  backward: Backward,
): void {
  if (!recording || !inputs.some((input) => input?.requiresGrad)) return;
  for (const output of outputs) output.variable = new Variable(false);
  tape.push({
    name,
    inputs: inputs.map((input) => input?.variable ?? null),
    outputs: outputs.map((output) => output.variable),
    saved: saved.map((tensor) => hold(tensor)),
    backward,
  });
}

/** As `recordMany`, for the usual operation with one output; `backward` receives its gradient. */
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
function hold(tensor: Tensor): Tensor {
  const held = tensor.detach();
  keep(held);
  return held;
}

/**
 * Gradient of `loss` (one element) for every leaf it depends on, added to the leaf's `grad`. The tape is emptied.
 * `seed`: gradient of the loss itself, for loss scaling.
 */
export function backward(loss: Tensor, seed = 1): void {
  if (loss.size !== 1) {
    fail("SHAPE", {
      where: "backward()",
      expected: "a loss with one element",
      got: formatShape(loss.shape),
      hint: "Reduce it first, for example with mean().",
    });
  }
  if (!loss.variable) {
    fail("STATE", {
      where: "backward()",
      expected: "a loss that depends on a tensor with requiresGrad",
      got: "one that does not",
      hint: "Was it computed inside noGrad(), or has backward() already run on it?",
    });
  }
  backwardFrom([[loss, Tensor.full(loss.shape, seed)]]);
}

/** As `backward`, from several outputs with given gradients. */
export function backwardFrom(starts: [output: Tensor, grad: Tensor][]): void {
  const flowing = new Map<Variable, Tensor>();
  for (const [output, grad] of starts) {
    if (output.variable) accumulate(flowing, output.variable, hold(grad));
  }
  noGrad(() => {
    while (tape.length > 0) {
      const node = tape.pop()!;
      try {
        step(node, flowing);
      } finally {
        free(node);
      }
    }
  });
  for (const [variable, grad] of flowing) {
    if (variable.leaf) addToLeaf(variable, grad);
    else grad.dispose();
  }
}

function step(node: TapeNode, flowing: Map<Variable, Tensor>): void {
  const grads = node.outputs.map((variable) => (variable && flowing.get(variable)) || null);
  if (grads.every((grad) => grad === null)) return;
  scope(() => {
    const results = node.backward({ grads, saved: node.saved, needs: node.inputs.map((input) => input !== null) });
    node.inputs.forEach((input, i) => {
      const result = results[i];
      if (input && result) accumulate(flowing, input, hold(result));
    });
  });
  for (const variable of node.outputs) {
    if (variable && !variable.leaf) {
      flowing.get(variable)?.dispose();
      flowing.delete(variable);
    }
  }
}

/** Adds `grad` (which this function now owns) to what already flows to a variable. */
function accumulate(flowing: Map<Variable, Tensor>, variable: Variable, grad: Tensor): void {
  const before = flowing.get(variable);
  flowing.set(variable, before ? addInto(before, grad) : grad);
}

function addToLeaf(variable: Variable, grad: Tensor): void {
  variable.grad = variable.grad ? addInto(variable.grad, grad) : grad;
}

/** Sum of two gradients of one shape; both are consumed. */
function addInto(target: Tensor, grad: Tensor): Tensor {
  if (target.spatial !== grad.spatial) {
    fail("STATE", { where: "gradient sum", expected: `layout ${target.spatial}`, got: `layout ${grad.spatial}` });
  }
  if (target.storage.exclusive) {
    core().axpy(1, grad.buffer, target.buffer, target.size);
    grad.dispose();
    return target;
  }
  const sum = Tensor.empty(target.shape, target.dtype, target.spatial);
  keep(sum);
  core().binary("add", target.buffer, grad.buffer, sum.buffer, sum.size);
  target.dispose();
  grad.dispose();
  return sum;
}
