/** How often a pool's windows overlap in the layer behind it: merged into one, their weights add up where they do, and 8 bits must hold the sum. */
import type { Shape } from "../../../core/index.ts";
import type { Conv2dOptions, Layer } from "../../../model/index.ts";
import type { ImageWindow } from "./compose-windows.ts";

const pair = (value: number | number[]): number[] => (typeof value === "number" ? [value, value] : value);

/**
 * The largest number of weights of `synapse` that fall on one weight of the merged layer: 1 where windows do not overlap. `places`: `[H, W]`
 * behind the pool.
 */
export function overlapOf({ kernelSize, stride, dilation }: ImageWindow, synapse: Layer, places: Shape): number {
  const { kernelSize: kernel, dilation: apart } = synapse.options as Conv2dOptions;
  const perAxis = places.map((length, axis) => {
    const taps = synapse.kind === "Conv2d" ? pair(kernel)[axis]! : length;
    const step = stride[axis]! * (synapse.kind === "Conv2d" ? pair(apart)[axis]! : 1);
    const hits = new Map<number, number>();
    for (let tap = 0; tap < taps; tap++) {
      for (let pixel = 0; pixel < kernelSize[axis]!; pixel++) {
        const place = tap * step + pixel * dilation[axis]!;
        hits.set(place, (hits.get(place) ?? 0) + 1);
      }
    }
    return Math.max(1, ...hits.values());
  });
  return perAxis.reduce((product, hits) => product * hits, 1);
}
