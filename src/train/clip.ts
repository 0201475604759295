/** Limits gradients in place: by their common norm, or one by one. `Optimizer.step` can do the same by itself, without waiting for a device. */
import { fail } from "../core/index.ts";
import { core } from "../kernels/index.ts";
import { keep, Tensor } from "../tensor/index.ts";

/** As PyTorch's `clip_grad_norm_`: keeps the division sound for tiny norms. */
const NORM_MARGIN = 1e-6;

/**
 * Scales all gradients together so that the norm (root of the sum of all squares) is at most `maxNorm`. Returns the norm before.
 * @throws VALUE when the norm is not finite.
 */
export function clipGradNorm(parameters: Iterable<Tensor>, maxNorm: number): number {
  const leaves = withGradient(parameters);
  const norm = Math.sqrt(leaves.reduce((sum, { grad }) => sum + core().sumSquares(grad!.buffer, grad!.size), 0));
  if (!Number.isFinite(norm)) failNorm(norm);
  const factor = maxNorm / (norm + NORM_MARGIN);
  if (factor < 1) {
    for (const leaf of leaves) {
      rewrite(leaf, (from, to, count) => core().binaryScalar("mul", from, factor, false, to, count));
    }
  }
  return norm;
}

/** No step can be taken with such gradients. */
export function failNorm(norm: number): never {
  fail("VALUE", {
    where: "gradients",
    expected: "a finite norm",
    got: `${norm}`,
    hint: "Lower the learning rate; check the input for NaN.",
  });
}

/** Clamps every number of every gradient to -limit..limit. */
export function clipGradValue(parameters: Iterable<Tensor>, limit: number): void {
  for (const leaf of withGradient(parameters)) {
    rewrite(leaf, (from, to, count) => core().clamp(from, -limit, limit, to, count));
  }
}

function withGradient(parameters: Iterable<Tensor>): Tensor[] {
  return [...parameters].filter((parameter) => parameter.grad !== null);
}

/** Changes a gradient in place; one whose memory another gradient shares (both inputs of a sum) is replaced, or it would change twice. */
function rewrite(leaf: Tensor, change: (from: number, to: number, count: number) => void): void {
  const grad = leaf.grad!;
  if (grad.storage.exclusive) {
    change(grad.buffer, grad.buffer, grad.size);
    return;
  }
  const changed = keep(Tensor.empty(grad.shape, grad.dtype, grad.spatial, grad.device));
  change(grad.buffer, changed.buffer, grad.size);
  grad.dispose();
  leaf.variable!.grad = changed;
}
