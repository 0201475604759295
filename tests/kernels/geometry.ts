/** Random window geometry for convolution and pooling tests, and a plain walk through it. */
import fc from "fast-check";
import type { ConvSpec } from "../../src/kernels/index.ts";

export interface Window {
  input: number[];
  kernel: number[];
  stride: number[];
  padding: number[];
  dilation: number[];
  output: number[];
}

interface Limits {
  maxStride: number;
  /** Padding may be at most half of the kernel (pooling). */
  halfPadding: boolean;
  ceil: boolean;
}

function axis({ maxStride, halfPadding, ceil }: Limits) {
  return fc
    .record({
      kernel: fc.integer({ min: 1, max: 4 }),
      stride: fc.integer({ min: 1, max: maxStride }),
      dilation: fc.integer({ min: 1, max: 2 }),
      extra: fc.integer({ min: 0, max: 6 }),
      padding: fc.integer({ min: 0, max: 3 }),
      up: fc.boolean(),
    })
    .map(({ kernel, stride, dilation, extra, padding, up }) => {
      const pad = halfPadding ? Math.min(padding, Math.floor(kernel / 2)) : Math.min(padding, kernel);
      const span = (kernel - 1) * dilation + 1;
      const input = Math.max(1, span - 2 * pad) + extra;
      const steps = (input + 2 * pad - span) / stride;
      let output = (ceil && up ? Math.ceil(steps) : Math.floor(steps)) + 1;
      // PyTorch: the last window must begin inside the input or the padding in front.
      if ((output - 1) * stride >= input + pad) output--;
      return { input, kernel, stride, padding: pad, dilation, output };
    });
}

export function windows(limits: Limits): fc.Arbitrary<Window> {
  return fc.array(axis(limits), { minLength: 1, maxLength: 3 }).map((axes) => ({
    input: axes.map((a) => a.input),
    kernel: axes.map((a) => a.kernel),
    stride: axes.map((a) => a.stride),
    padding: axes.map((a) => a.padding),
    dilation: axes.map((a) => a.dilation),
    output: axes.map((a) => a.output),
  }));
}

/** Random convolutions over such windows, with the groups and channels of a group chosen from those given. */
export function convSpecs(
  limits: Limits,
  groups: number[],
  inGroup: number[],
  outGroup: number[],
): fc.Arbitrary<ConvSpec> {
  return fc
    .record({
      window: windows(limits),
      batch: fc.integer({ min: 1, max: 3 }),
      groups: fc.constantFrom(...groups),
      inGroup: fc.constantFrom(...inGroup),
      outGroup: fc.constantFrom(...outGroup),
    })
    .map(({ window, batch, groups, inGroup, outGroup }) => ({
      ...window,
      batch,
      groups,
      inChannels: groups * inGroup,
      outChannels: groups * outGroup,
    }));
}

export const points = (sizes: readonly number[]) => sizes.reduce((product, size) => product * size, 1);

/** Index along each axis of a flat number. */
export function unravel(flat: number, sizes: readonly number[]): number[] {
  const index = new Array<number>(sizes.length);
  for (let axisIndex = sizes.length - 1; axisIndex >= 0; axisIndex--) {
    index[axisIndex] = flat % sizes[axisIndex]!;
    flat = Math.floor(flat / sizes[axisIndex]!);
  }
  return index;
}

/** Calls visit(output point, tap, input point) for every tap that lies inside the input, in row-major order. */
export function walk(window: Window, visit: (output: number, tap: number, input: number) => void): void {
  for (let output = 0; output < points(window.output); output++) {
    const at = unravel(output, window.output);
    for (let tap = 0; tap < points(window.kernel); tap++) {
      const offset = unravel(tap, window.kernel);
      const position = at.map((o, a) => o * window.stride[a]! + offset[a]! * window.dilation[a]! - window.padding[a]!);
      if (position.some((p, a) => p < 0 || p >= window.input[a]!)) continue;
      visit(
        output,
        tap,
        position.reduce((flat, p, a) => flat * window.input[a]! + p, 0),
      );
    }
  }
}

export interface ConvLoops {
  y: Float64Array;
  gradX: Float64Array;
  gradWeight: Float64Array;
  gradBias: Float64Array;
}

/** All four convolution results by plain loops in double precision; activations channels-last, weights [O, I/groups, taps]. */
export function convLoops(
  spec: ConvSpec,
  x: Float32Array,
  weight: Float32Array,
  bias: Float32Array | null,
  gradY: Float32Array,
): ConvLoops {
  const { batch, inChannels, outChannels, groups } = spec;
  const inGroup = inChannels / groups;
  const outGroup = outChannels / groups;
  const inputs = points(spec.input);
  const outputs = points(spec.output);
  const taps = points(spec.kernel);
  const y = new Float64Array(batch * outputs * outChannels);
  const gradX = new Float64Array(x.length);
  const gradWeight = new Float64Array(weight.length);
  const gradBias = new Float64Array(outChannels);
  for (let n = 0; n < batch; n++) {
    for (let point = 0; point < outputs; point++) {
      for (let o = 0; o < outChannels; o++) {
        const at = (n * outputs + point) * outChannels + o;
        y[at] = bias?.[o] ?? 0;
        gradBias[o]! += gradY[at]!;
      }
    }
    walk(spec, (output, tap, input) => {
      for (let o = 0; o < outChannels; o++) {
        const at = (n * outputs + output) * outChannels + o;
        const first = Math.floor(o / outGroup) * inGroup;
        for (let i = 0; i < inGroup; i++) {
          const source = (n * inputs + input) * inChannels + first + i;
          const w = (o * inGroup + i) * taps + tap;
          y[at]! += x[source]! * weight[w]!;
          gradX[source]! += gradY[at]! * weight[w]!;
          gradWeight[w]! += gradY[at]! * x[source]!;
        }
      }
    });
  }
  return { y, gradX, gradWeight, gradBias };
}
