/** Convolution and pooling by their definitions: one loop for each output element, in double precision. For tests only. */
export interface Geometry {
  input: number[];
  kernel: number[];
  stride: number[];
  padding: number[];
  dilation: number[];
  output: number[];
}

/** Every place of a grid in row-major order. */
export function places(sizes: readonly number[]): number[][] {
  return sizes.reduce<number[][]>(
    (found, size) => found.flatMap((place) => Array.from({ length: size }, (_, i) => [...place, i])),
    [[]],
  );
}

export function flatIndex(place: readonly number[], sizes: readonly number[]): number {
  return place.reduce((index, i, axis) => index * sizes[axis]! + i, 0);
}

/** Input place that a window element reads; it may lie in the padding. */
export function source(geometry: Geometry, output: readonly number[], tap: readonly number[]): number[] {
  return output.map(
    (o, axis) => o * geometry.stride[axis]! - geometry.padding[axis]! + tap[axis]! * geometry.dilation[axis]!,
  );
}

export function inside(place: readonly number[], sizes: readonly number[], margin: readonly number[] = []): boolean {
  return place.every((i, axis) => i >= -(margin[axis] ?? 0) && i < sizes[axis]! + (margin[axis] ?? 0));
}

/** x `[B, C, input]`, weight `[O, C/groups, kernel]`, bias `[O]` or null: `[B, O, output]`. */
export function convLoop(
  geometry: Geometry,
  [batch, channels, outChannels, groups]: readonly [number, number, number, number],
  x: ArrayLike<number>,
  weight: ArrayLike<number>,
  bias: ArrayLike<number> | null,
): number[] {
  const { input, kernel, output } = geometry;
  const perGroup = channels / groups;
  return places([batch, outChannels, ...output]).map(([b, o, ...place]) => {
    const firstChannel = Math.floor(o! / (outChannels / groups)) * perGroup;
    let total = bias ? bias[o!]! : 0;
    for (const [c, ...tap] of places([perGroup, ...kernel])) {
      const at = source(geometry, place, tap);
      if (!inside(at, input)) continue;
      const value = x[flatIndex([b!, firstChannel + c!, ...at], [batch, channels, ...input])]!;
      total += value * weight[flatIndex([o!, c!, ...tap], [outChannels, perGroup, ...kernel])]!;
    }
    return total;
  });
}

export type PoolRule = "max" | "sum" | { countIncludePad: boolean } | { divisor: number };

/** x `[B, C, input]`: `[B, C, output]`. */
export function poolLoop(
  geometry: Geometry,
  batch: number,
  channels: number,
  x: ArrayLike<number>,
  rule: PoolRule,
): number[] {
  const { input, kernel, output, padding } = geometry;
  return places([batch, channels, ...output]).map(([b, c, ...place]) => {
    const reads = places(kernel).map((tap) => source(geometry, place, tap));
    const taken = reads
      .filter((at) => inside(at, input))
      .map((at) => x[flatIndex([b!, c!, ...at], [batch, channels, ...input])]!);
    if (rule === "max") return Math.max(...taken);
    const total = taken.reduce((sum, value) => sum + value, 0);
    if (rule === "sum") return total;
    if ("divisor" in rule) return total / rule.divisor;
    // PyTorch counts padding on both sides, but nothing of a window that hangs over the padded input
    return total / (rule.countIncludePad ? reads.filter((at) => inside(at, input, padding)).length : taken.length);
  });
}
