/** The steps of a simulated layer that answer the frames of a sample. */
import { sizeOf } from "../../../core/index.ts";
import type { SimulatedLayer } from "./simulation.ts";

/** The first `steps` of `[steps + more, N, ...]`. */
export function firstSteps(layer: SimulatedLayer, steps: number): SimulatedLayer {
  const [found = 0, ...rest] = layer.shape;
  if (found === steps) return layer;
  return { ...layer, shape: [steps, ...rest], data: layer.data.slice(0, steps * sizeOf(rest)) };
}

/** The same `steps` with every neuron's numbers as many steps earlier as its delay says: what the layer sent before a delay behind it. */
export function earlier(layer: SimulatedLayer, steps: number, delays: readonly number[]): SimulatedLayer {
  const [, ...rest] = layer.shape;
  const frame = sizeOf(rest);
  const data = new Int32Array(steps * frame);
  for (let i = 0; i < data.length; i++) data[i] = layer.data[i + delays[i % delays.length]! * frame]!;
  return { ...layer, shape: [steps, ...rest], data };
}
