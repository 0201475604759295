/** Public face of tensors: the class, who frees what, gradients, and the operations. */
import { core, type MemoryStats } from "../kernels/index.ts";

export { backward, backwardFrom, zeroGrad } from "./backward.ts";
export { withDevice, withDeviceOf } from "./device.ts";
export * from "./ops/activation.ts";
export type { PerAxis } from "./ops/arguments.ts";
export * from "./ops/batch-norm.ts";
export * from "./ops/cast.ts";
export * from "./ops/conv.ts";
export * from "./ops/conv-events.ts";
export type { ConvOptions } from "./ops/conv-spec.ts";
export * from "./ops/conv-transpose.ts";
export { delaySteps } from "./ops/delay-steps.ts";
export * from "./ops/elementwise.ts";
export { heaviside } from "./ops/heaviside.ts";
export { linear } from "./ops/linear.ts";
export * from "./ops/loss.ts";
export { matmul } from "./ops/matmul.ts";
export * from "./ops/measure.ts";
export * from "./ops/neuron-scan.ts";
export * from "./ops/pad.ts";
export * from "./ops/pool.ts";
export * from "./ops/random.ts";
export * from "./ops/reduce.ts";
export * from "./ops/rounding.ts";
export * from "./ops/shape.ts";
export * from "./ops/slice.ts";
export * from "./ops/update.ts";
export { type WindowGeometry, windowSizes } from "./ops/window.ts";
export { keep } from "./ownership.ts";
export { type ActivationOptions, withPrecision } from "./precision.ts";
export { scope } from "./scope.ts";
export type { Storage } from "./storage.ts";
export {
  type Backward,
  type BackwardContext,
  clearTape,
  gradEnabled,
  noGrad,
  record,
  recordMany,
  willRecord,
} from "./tape.ts";
export { Tensor, type TensorOptions } from "./tensor.ts";
export { Variable } from "./variable.ts";

/** What the native core has handed out: live buffers and bytes, their peak, and memory kept for reuse. */
export function memoryStats(): MemoryStats {
  return core().memoryStats();
}
