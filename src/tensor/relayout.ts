/** The same numbers in another order in memory. Nothing is recorded here: the recorded operations are in `ops/shape.ts`. */
import { DTYPES } from "../core/index.ts";
import { core } from "../kernels/index.ts";
import { memoryAxes, sameOrder } from "./layout.ts";
import { Tensor } from "./tensor.ts";

/** x in the layout of `spatial`: over the same memory when the bytes agree, else a copy. No variable; always a new tensor. */
export function copyInLayout(x: Tensor, spatial: number): Tensor {
  if (sameOrder(x.shape, x.spatial, spatial)) return x.view(x.shape, spatial);
  const from = memoryAxes(x.shape.length, x.spatial);
  const to = memoryAxes(x.shape.length, spatial);
  const out = Tensor.empty(x.shape, x.dtype, spatial);
  core().permute(
    DTYPES[x.dtype].bytes,
    x.buffer,
    from.map((axis) => x.shape[axis]!),
    to.map((axis) => from.indexOf(axis)),
    out.buffer,
  );
  return out;
}
