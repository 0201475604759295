/** Products of matrices. The fully connected layer is in `linear.ts`. */
import { fail, formatShape } from "../../core/index.ts";
import { type ActivationType, core } from "../../kernels/index.ts";
import { record } from "../tape.ts";
import { Tensor } from "../tensor.ts";
import { activationType, toFloat } from "./arguments.ts";
import { toPlain } from "./shape.ts";

/** a `[M, K]` times b `[K, N]`: `[M, N]`. */
export function matmul(a: Tensor, b: Tensor): Tensor {
  [a, b] = [toFloat("matmul", a), toFloat("matmul", b)];
  const [m = 0, k = 0] = a.shape;
  const n = b.shape[1] ?? 0;
  if (a.shape.length !== 2 || b.shape.length !== 2 || b.shape[0] !== k) {
    fail("SHAPE", {
      where: "matmul",
      expected: "[M,K] and [K,N]",
      got: `${formatShape(a.shape)} and ${formatShape(b.shape)}`,
      hint: "reshape() to two axes first.",
    });
  }
  const [left, right] = [toPlain(a), toPlain(b)];
  const out = product(false, false, m, n, k, left, right);
  record("matmul", [left, right], out, [left, right], (grad, saved, [needsA, needsB]) => {
    const [heldA, heldB] = saved as [Tensor, Tensor];
    return [
      needsA ? product(false, true, m, k, n, grad, heldB) : null,
      needsB ? product(true, false, k, n, m, heldA, grad) : null,
    ];
  });
  left.dispose();
  right.dispose();
  return out;
}

/** `[rows, columns]` of a type = a times b over `inner`; a and b are stored transposed where said. Plain layout; not recorded. */
export function product(
  transposeA: boolean,
  transposeB: boolean,
  rows: number,
  columns: number,
  inner: number,
  a: Tensor,
  b: Tensor,
  type: ActivationType = "float32",
): Tensor {
  const out = Tensor.empty([rows, columns], type);
  const types = [activationType("matmul", a), activationType("matmul", b), type] as const;
  core().matmul(transposeA, transposeB, rows, columns, inner, a.buffer, b.buffer, out.buffer, false, ...types);
  return out;
}
