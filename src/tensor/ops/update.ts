/** Changes tensors in place: optimizer steps and copies into existing memory. For parameters and their gradients only; never recorded. */
import { expectShape } from "../../core/index.ts";
import { type AdamOptions, core, type SgdOptions } from "../../kernels/index.ts";
import { copyInLayout } from "../relayout.ts";
import type { Tensor } from "../tensor.ts";
import { expectFloat } from "./arguments.ts";

/** One step of stochastic gradient descent on `parameter`; `momentum` (null: none) has its shape and is changed too. */
export function sgdStep(parameter: Tensor, grad: Tensor, momentum: Tensor | null, options: SgdOptions): void {
  expectAlike("sgdStep", parameter, grad, momentum);
  core().sgdStep(parameter.buffer, grad.buffer, momentum?.buffer ?? 0, parameter.size, options);
}

/** One step of Adam or AdamW on `parameter`; the moments have its shape and are changed too. */
export function adamStep(parameter: Tensor, grad: Tensor, mean: Tensor, variance: Tensor, options: AdamOptions): void {
  expectAlike("adamStep", parameter, grad, mean, variance);
  core().adamStep(parameter.buffer, grad.buffer, mean.buffer, variance.buffer, parameter.size, options);
}

/** x = factor * x. */
export function scaleInPlace(x: Tensor, factor: number): void {
  expectFloat("scaleInPlace", x);
  core().binaryScalar("mul", x.buffer, factor, false, x.buffer, x.size);
}

/** Overwrites `target` with the numbers of `source` (same shape and type). */
export function assign(target: Tensor, source: Tensor): void {
  expectShape("assign", source.shape, target.shape);
  const ordered = copyInLayout(source, target.spatial);
  core().copy(ordered.buffer, 0, target.buffer, 0, ordered.storage.bytes);
  ordered.dispose();
}

/** Element-by-element work in place needs one shape and plain layout throughout. */
function expectAlike(where: string, parameter: Tensor, ...others: (Tensor | null)[]): void {
  expectFloat(where, parameter, ...others);
  for (const other of others) if (other) expectShape(where, other.shape, parameter.shape);
}
