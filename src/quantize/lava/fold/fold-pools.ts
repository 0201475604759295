/** Pools in front of a neuron or behind it, for a chip whose layers are sums: means become sums, and a convolution takes up the pool behind it. */
import { formatShape, type Shape, sameShape, sizeOf } from "../../../core/index.ts";
import { Conv2d, type Conv2dOptions, type Layer, SumPool2d } from "../../../model/index.ts";
import { Tensor } from "../../../tensor/index.ts";
import { refuse } from "../refusal.ts";
import { composeWindows, type ImageWindow } from "./compose-windows.ts";

/** Layers that add up windows, and divide perhaps. */
export const SUMMING_POOLS: readonly string[] = ["SumPool2d", "AvgPool2d", "AdaptiveAvgPool2d"];

/** A pool as the sum over a window, and the divisor that its mean has. */
export interface PoolAsSum {
  window: ImageWindow;
  divisor: number;
}

type PerAxis = number | number[];
const pair = (value: PerAxis): number[] => (typeof value === "number" ? [value, value] : [...value]);

/** The sum behind a pool on an image `[C,H,W]`. @throws TARGET where windows have different sizes or rounded-up places */
export function poolAsSum(pool: Layer, input: Shape): PoolAsSum {
  const output = pool.outputShape(input);
  const window = windowOf(pool, input, output);
  const rounded = input
    .slice(1)
    .map(
      (size, axis) => Math.floor((size + 2 * window.padding[axis]! - spanOf(window, axis)) / window.stride[axis]!) + 1,
    );
  if (!sameShape(rounded, output.slice(1))) {
    const hint = "The chip rounds sizes down: use ceilMode: false, or an input size that the window divides.";
    refuse(pool, `${formatShape(rounded)} places`, `${formatShape(output.slice(1))}, rounded up`, hint);
  }
  return { window, divisor: divisorOf(pool, window) };
}

const spanOf = ({ kernelSize, dilation }: ImageWindow, axis: number) => dilation[axis]! * (kernelSize[axis]! - 1) + 1;

function windowOf(pool: Layer, input: Shape, output: Shape): ImageWindow {
  if (pool.kind === "AdaptiveAvgPool2d") {
    const size = input.slice(1).map((length, axis) => length / output[axis + 1]!);
    if (!size.every(Number.isInteger)) {
      const hint = "Its windows have different sizes: choose an outputSize that divides the input.";
      refuse(pool, `an output size that divides ${formatShape(input.slice(1))}`, formatShape(output.slice(1)), hint);
    }
    return { kernelSize: size, stride: size, padding: [0, 0], dilation: [1, 1] };
  }
  const { kernelSize, stride, padding, dilation } = pool.options as Record<string, PerAxis | undefined>;
  return {
    kernelSize: pair(kernelSize!),
    stride: pair(stride ?? kernelSize!),
    padding: pair(padding ?? 0),
    dilation: pair(dilation ?? 1),
  };
}

function divisorOf(pool: Layer, { kernelSize, padding }: ImageWindow): number {
  if (pool.kind === "SumPool2d") return 1;
  const { countIncludePad, divisorOverride } = pool.options as { countIncludePad?: boolean; divisorOverride?: number };
  if (countIncludePad === false && divisorOverride === undefined && padding.some((pixels) => pixels > 0)) {
    const hint = "Its windows at the border have another divisor: use countIncludePad: true.";
    refuse(pool, "one divisor for all windows", "countIncludePad false with padding", hint);
  }
  return divisorOverride ?? sizeOf(kernelSize);
}

/** The sum pool itself. */
export function sumPoolOf({ window: { kernelSize, stride, padding, dilation } }: PoolAsSum): Layer {
  return SumPool2d({
    kernelSize: [...kernelSize],
    stride: [...stride],
    padding: [...padding],
    dilation: [...dilation],
  });
}

/**
 * A convolution and the pool right behind it as one convolution: the kernel, shifted to every place of the pool's window, summed and divided.
 * `image`: `[H, W]` before the convolution. @throws TARGET with the reason where there is no such convolution
 */
export function mergePoolBehind(conv: Layer, pool: Layer, sum: PoolAsSum, image: readonly number[]): Layer {
  const options = conv.options as Conv2dOptions;
  const composed = composeWindows(windowOfConv(conv), sum.window, image);
  const reason =
    "refusal" in composed
      ? composed.refusal
      : options.bias && sum.window.padding.some((pixels) => pixels > 0)
        ? "The bias (or batch norm) of the convolution does not reach the padding of the pool."
        : null;
  if ("refusal" in composed || reason !== null) {
    const hint = "Put a neuron between both, or use a pool without padding.";
    refuse(pool, `a pool that merges with ${conv.label}`, `none: ${reason}`, hint);
  }
  const [height, width] = composed.window.kernelSize as [number, number];
  const merged = Conv2d({ ...options, ...composed.window, dilation: 1 });
  merged.path = conv.path;
  const weight = conv.tensor("weight");
  const [outputs = 0, perGroup = 0, kernelY = 0, kernelX = 0] = weight.shape;
  const numbers = weight.toArray() as Float32Array;
  const total = new Float64Array(outputs * perGroup * height * width);
  const [poolY = 0, poolX = 0] = sum.window.kernelSize;
  for (let i = 0; i < numbers.length; i++) {
    const [plane, y, x] = [Math.floor(i / (kernelY * kernelX)), Math.floor(i / kernelX) % kernelY, i % kernelX];
    for (let a = 0; a < poolY; a++) {
      for (let b = 0; b < poolX; b++) {
        const at = (plane * height + composed.tap(0, y, a)) * width + composed.tap(1, x, b);
        total[at]! += numbers[i]! / sum.divisor;
      }
    }
  }
  merged.setTensor("weight", Tensor.from(Float32Array.from(total), [outputs, perGroup, height, width]));
  if (options.bias) {
    const share = (poolY * poolX) / sum.divisor;
    const bias = conv.tensor("bias");
    merged.setTensor(
      "bias",
      Tensor.from(
        (bias.toArray() as Float32Array).map((value) => value * share),
        bias.shape,
      ),
    );
  }
  return merged;
}

function windowOfConv(conv: Layer): ImageWindow {
  const { kernelSize, stride, padding, paddingMode, dilation } = conv.options as Conv2dOptions;
  const added =
    padding === "same" ? pair(kernelSize).map((k, axis) => (pair(dilation)[axis]! * (k - 1)) / 2) : pair(padding);
  if (paddingMode !== "zeros" || !added.every(Number.isInteger)) {
    const hint = "The chip pads with the same number of zeros on both sides: give the padding as a number.";
    refuse(conv, "zeros on both sides", `paddingMode ${paddingMode}, padding ${padding}`, hint);
  }
  return { kernelSize: pair(kernelSize), stride: pair(stride), padding: added, dilation: pair(dilation) };
}

/** Divides the weights of a synapse, not its bias, by a number: for the sums that its inputs became. */
export function divideWeights(synapse: Layer, divisor: number): void {
  const weight = synapse.tensor("weight");
  synapse.setTensor(
    "weight",
    Tensor.from(
      (weight.toArray() as Float32Array).map((w) => w / divisor),
      weight.shape,
    ),
  );
}

/** Multiplies weights and biases of a synapse. */
export function scaleDrive(synapse: Layer, factor: number): void {
  for (const [name, tensor] of [...synapse.parameters]) {
    synapse.setTensor(
      name,
      Tensor.from(
        (tensor.toArray() as Float32Array).map((value) => value * factor),
        tensor.shape,
      ),
    );
  }
}

/** A pool that nothing takes up. */
export function refusePool(pool: Layer, next: Layer | null): never {
  const hint = SUMMING_POOLS.includes(next?.kind ?? "")
    ? "Use one pool whose window is that of both."
    : "A pool becomes part of the layer behind it, or a block with the neuron behind it.";
  return refuse(pool, "a Conv2d, a Linear or a neuron behind it", next?.label ?? "nothing", hint);
}
