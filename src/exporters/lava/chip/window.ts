/** Output sizes of sliding windows, as Lava and PyTorch round them: down. */

export interface Window {
  kernelSize: readonly number[];
  stride: readonly number[];
  padding: readonly number[];
  dilation: readonly number[];
}

/** Number of window places on each axis; 0 or less when the window does not fit. */
export function windowOutput(input: readonly number[], { kernelSize, stride, padding, dilation }: Window): number[] {
  return input.map((size, axis) => {
    const span = dilation[axis]! * (kernelSize[axis]! - 1) + 1;
    return Math.floor((size + 2 * padding[axis]! - span) / stride[axis]!) + 1;
  });
}
