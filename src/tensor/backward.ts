/** Runs the tape in reverse: gradients of a loss for every leaf it depends on. What is recorded, and how, is `tape.ts`. */
import { expectShape, fail, formatShape } from "../core/index.ts";
import { core, inPlace } from "../kernels/index.ts";
import { withDeviceOf } from "./device.ts";
import { activationType } from "./ops/arguments.ts";
import { toDtype } from "./ops/cast.ts";
import { keep } from "./ownership.ts";
import { copyInLayout } from "./relayout.ts";
import { scope } from "./scope.ts";
import { clearTape, noGrad, releaseNode, type TapeNode, takeLast } from "./tape.ts";
import { Tensor } from "./tensor.ts";
import type { Variable } from "./variable.ts";

/**
 * Gradient of `loss` (one element) for every leaf it depends on, added to the leaf's `grad`. The tape is emptied, so each recorded
 * computation can be differentiated once. `seed`: gradient of the loss itself, for loss scaling.
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
  const start = keep(Tensor.full(loss.shape, seed, { device: loss.device }));
  try {
    backwardFrom([[loss, start]]);
  } finally {
    start.dispose();
  }
}

/** As `backward`, from several outputs with given gradients (same shapes). */
export function backwardFrom(starts: readonly (readonly [output: Tensor, grad: Tensor])[]): void {
  for (const [output, grad] of starts) expectStart(output, grad);
  const flowing = new Map<Variable, Tensor>();
  try {
    noGrad(() => {
      for (const [output, grad] of starts) accumulate(flowing, output.variable!, grad);
      for (let node = takeLast(); node; node = takeLast()) {
        try {
          step(node, flowing);
        } finally {
          releaseNode(node);
        }
      }
    });
    for (const [variable, grad] of flowing) {
      flowing.delete(variable);
      if (variable.leaf && variable.alive) addToLeaf(variable, grad);
      else grad.dispose();
    }
  } finally {
    for (const grad of flowing.values()) grad.dispose();
    clearTape();
  }
}

function expectStart(output: Tensor, grad: Tensor): void {
  const { variable } = output;
  if (!variable) {
    fail("STATE", {
      where: "backward()",
      expected: "a loss that depends on a tensor with requiresGrad",
      got: output.disposed ? "a tensor that was disposed" : "one that does not",
      hint: "Was it computed inside noGrad()?",
    });
  }
  if (variable.spent) {
    fail("STATE", {
      where: "backward()",
      expected: "a loss whose computation is still on the tape",
      got: "one that backward() or the end of a scope() released",
      hint: "Run it once for each forward pass: add several losses up, or give them to backwardFrom() together.",
    });
  }
  expectShape("backward() start gradient", grad.shape, output.shape);
}

/** Turns the gradients of one operation's outputs into those of its inputs. */
function step(node: TapeNode, flowing: Map<Variable, Tensor>): void {
  const grads = node.outputs.map((variable) => (variable && flowing.get(variable)) ?? null);
  if (grads.every((grad) => grad === null)) return;
  scope(() => {
    const context = { grads, saved: node.saved, needs: node.inputs.map((input) => input !== null) };
    // what a gradient is computed with besides tensors at hand (numbers made into tensors) belongs where the gradient lies
    const given = grads.find((grad) => grad !== null);
    const results = inPlace(node.place, () => withDeviceOf(given, () => node.backward(context)), node.name);
    node.inputs.forEach((input, i) => {
      const result = results[i];
      if (!input || !result) return;
      if (input.spent) {
        fail("STATE", {
          where: `backward() of ${node.name}`,
          expected: "inputs whose own computation is still on the tape",
          got: "one left over from a computation that was already released",
          hint: "Reset the network (resetNet) before the next batch, or detach() what is carried over.",
        });
      }
      accumulate(flowing, input, result);
    });
  });
  for (const variable of node.outputs) {
    if (!variable) continue;
    flowing.get(variable)?.dispose();
    flowing.delete(variable);
  }
}

/** Adds a gradient, in whatever layout and float type, to what already flows to a variable. The caller keeps its tensor. */
function accumulate(flowing: Map<Variable, Tensor>, variable: Variable, grad: Tensor): void {
  if (variable.shape) expectShape("gradient", grad.shape, variable.shape);
  const ordered = copyInLayout(grad, variable.spatial);
  const ours = keep(toDtype(ordered, activationType("gradient", variable)));
  ordered.dispose();
  const before = flowing.get(variable);
  flowing.set(variable, before ? addInto(before, ours) : ours);
}

/** A leaf's gradient is never shared: optimizers change it in place. */
function addToLeaf(variable: Variable, grad: Tensor): void {
  const before = variable.grad && !variable.grad.disposed ? variable.grad : null;
  variable.grad = exclusive(before ? addInto(before, grad) : grad);
}

function exclusive(tensor: Tensor): Tensor {
  if (tensor.storage.exclusive) return tensor;
  const own = keep(Tensor.empty(tensor.shape, tensor.dtype, tensor.spatial));
  core().copy(tensor.buffer, 0, own.buffer, 0, tensor.storage.bytes);
  tensor.dispose();
  return own;
}

/** Sum of two gradients of one shape and layout; both are consumed. In place where nobody else sees the memory. */
function addInto(target: Tensor, grad: Tensor): Tensor {
  const [into, from] = target.storage.exclusive || !grad.storage.exclusive ? [target, grad] : [grad, target];
  if (into.storage.exclusive) {
    core().binary("add", into.buffer, from.buffer, into.buffer, into.size, activationType("gradient", into));
    from.dispose();
    return into;
  }
  const sum = keep(Tensor.empty(target.shape, target.dtype, target.spatial));
  core().binary("add", target.buffer, grad.buffer, sum.buffer, sum.size, activationType("gradient", sum));
  target.dispose();
  grad.dispose();
  return sum;
}

/** Frees the gradients of leaves, so that the next `backward()` starts from nothing. */
export function zeroGrad(tensors: Iterable<Tensor>): void {
  for (const tensor of tensors) tensor.variable?.dropGrad();
}
