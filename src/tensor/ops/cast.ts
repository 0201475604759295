/** Conversion between element types. */
import { DTYPES, type DType } from "../../core/index.ts";
import { type ActivationType, core } from "../../kernels/index.ts";
import { record } from "../tape.ts";
import { Tensor } from "../tensor.ts";

/** The same numbers as another element type, in the same layout. No gradient. */
export function cast(x: Tensor, dtype: DType): Tensor {
  const out = Tensor.empty(x.shape, dtype, x.spatial);
  core().convert(DTYPES[x.dtype].id, x.buffer, DTYPES[dtype].id, out.buffer, out.size);
  return out;
}

/**
 * x as float32 or in 16 bits, rounded to nearest: always a new tensor, over the same memory where the type is the same. The gradient comes
 * back in the type of x. A repeated tensor stays one.
 */
export function toDtype(x: Tensor, dtype: ActivationType): Tensor {
  if (x.dtype === dtype) return x.share();
  if (x.once === null) return record("toDtype", [x], cast(x, dtype), [], (grad) => [grad]);
  const once = cast(x.once, dtype);
  const out = Tensor.repeat(once, x.shape[0]!);
  once.dispose();
  return record("toDtype", [x], out, [], (grad) => [grad]);
}
