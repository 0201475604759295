/**
 * Two windows one after the other as one: a pool and a convolution, in either order, are one convolution with an enlarged kernel. This is
 * geometry only; what is summed where, the caller decides.
 */

/** A window over an image, `[y, x]` each. */
export interface ImageWindow {
  kernelSize: readonly number[];
  stride: readonly number[];
  padding: readonly number[];
  dilation: readonly number[];
}

export interface ComposedWindow {
  /** Dilation 1: places between the taps get zeros. */
  window: { kernelSize: number[]; stride: number[]; padding: number[] };
  /** Place in the composed kernel, along an axis, of tap `a` of the first and tap `b` of the second window. */
  tap(axis: number, a: number, b: number): number;
}

/**
 * The composition of `first` and `second` on an image `[H, W]`, or the reason why no single window does the same: between two windows the
 * second one's padding is zeros, and one window would read pixels (or the first one's padding) there.
 */
export function composeWindows(
  first: ImageWindow,
  second: ImageWindow,
  image: readonly number[],
): ComposedWindow | { refusal: string } {
  const axes = image.map((length, axis) => composeAxis(axisOf(first, axis), axisOf(second, axis), length));
  const broken = axes.find((axis) => "refusal" in axis);
  if (broken && "refusal" in broken) return broken;
  const composed = axes as AxisWindow[];
  return {
    window: {
      kernelSize: composed.map(({ kernel }) => kernel),
      stride: composed.map(({ stride }) => stride),
      padding: composed.map(({ padding }) => padding),
    },
    tap: (axis, a, b) => first.dilation[axis]! * a + first.stride[axis]! * second.dilation[axis]! * b,
  };
}

interface AxisWindow {
  kernel: number;
  stride: number;
  padding: number;
  dilation: number;
}

const axisOf = (window: ImageWindow, axis: number): AxisWindow => ({
  kernel: window.kernelSize[axis]!,
  stride: window.stride[axis]!,
  padding: window.padding[axis]!,
  dilation: window.dilation[axis]!,
});

const places = (length: number, { kernel, stride, padding, dilation }: AxisWindow): number =>
  Math.floor((length + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;

function composeAxis(first: AxisWindow, second: AxisWindow, length: number): AxisWindow | { refusal: string } {
  const composed: AxisWindow = {
    kernel: first.dilation * (first.kernel - 1) + first.stride * second.dilation * (second.kernel - 1) + 1,
    stride: first.stride * second.stride,
    padding: first.padding + first.stride * second.padding,
    dilation: 1,
  };
  const between = places(length, first);
  const behind = places(between, second);
  if (readsBeyond(first, second, { length, between, behind })) {
    return { refusal: "The padding between both windows is zeros; one window would see the image there." };
  }
  const found = places(length, composed);
  if (found !== behind)
    return { refusal: `One window has ${found} places along an axis, both together have ${behind}.` };
  return composed;
}

/** True when a place that the second window pads with zeros is a place where the first one would see a pixel. */
function readsBeyond(
  first: AxisWindow,
  second: AxisWindow,
  { length, between, behind }: Record<"length" | "between" | "behind", number>,
): boolean {
  for (let j = 0; j < behind; j++) {
    for (let b = 0; b < second.kernel; b++) {
      const place = j * second.stride - second.padding + b * second.dilation;
      if (place >= 0 && place < between) continue;
      for (let a = 0; a < first.kernel; a++) {
        const pixel = place * first.stride - first.padding + a * first.dilation;
        if (pixel >= 0 && pixel < length) return true;
      }
    }
  }
  return false;
}
