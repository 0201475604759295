/** Sizes behind a sliding window: the shape rule that convolution and pooling share. */
import { fail, formatShape, type Shape } from "../../core/index.ts";

export interface WindowGeometry {
  kernel: readonly number[];
  stride: readonly number[];
  padding: readonly number[];
  dilation: readonly number[];
  ceilMode: boolean;
}

/**
 * floor((in + 2 padding - dilation (kernel - 1) - 1) / stride) + 1 for each spatial axis; with `ceilMode` rounded up, but the last window
 * must start inside the input or its left padding (PyTorch's rule, `pooling_output_shape`).
 */
export function windowSizes(where: string, input: Shape, window: WindowGeometry): number[] {
  return input.map((size, axis) => {
    const [stride, padding] = [window.stride[axis]!, window.padding[axis]!];
    const extent = window.dilation[axis]! * (window.kernel[axis]! - 1) + 1;
    const room = size + 2 * padding - extent;
    if (room < 0) {
      fail("SHAPE", {
        where,
        expected: `a window no larger than the padded input (${size + 2 * padding} along spatial axis ${axis})`,
        got: `${extent} (input ${formatShape(input)}, kernel ${formatShape(window.kernel)})`,
        hint: "Reduce the kernel or set padding.",
      });
    }
    if (!window.ceilMode) return Math.floor(room / stride) + 1;
    const count = Math.ceil(room / stride) + 1;
    return (count - 1) * stride >= size + padding ? count - 1 : count;
  });
}
