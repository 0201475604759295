/** Reference cases as layers and tensors: names from Python's style to ours, stored parameters into layers, arrays into tensors. */
import { sizeOf } from "../../src/core/index.ts";
import { layers } from "../../src/layers.ts";
import { type Layer, layerFromDescription } from "../../src/model/index.ts";
import { Tensor } from "../../src/tensor/index.ts";
import type { ReferenceFile } from "../h5.ts";

/** `kernel_size` becomes `kernelSize`. */
const camelCase = (name: string) => name.replace(/_([A-Za-z])/g, (_, letter: string) => letter.toUpperCase());

/** Python's keyword arguments as options. */
export function optionsOf(args: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(args).map(([name, value]) => [camelCase(name), value]));
}

export interface ReferenceConfig {
  class: string;
  args: Record<string, unknown>;
  step_mode: "s" | "m";
  mode: "train" | "eval";
  surrogate_function?: { class: string; args: Record<string, unknown> };
}

/** The layer of a stored case, with its parameters, in its step mode. The caller disposes it. */
export function layerOf(file: ReferenceFile, path: string, options: Record<string, unknown> = {}): Layer {
  const config = file.config(path) as ReferenceConfig;
  // which of two equal ways the reference computed by is no option here
  const { backend: _, ...args } = config.args;
  const chosen = config.surrogate_function;
  const surrogate = chosen ? { surrogate: { kind: chosen.class, ...optionsOf(chosen.args) } } : {};
  const layer = layerFromDescription({ kind: config.class, ...optionsOf(args), ...surrogate, ...options }, layers);
  layer.stepMode = config.step_mode;
  if (file.has(`${path}/params`)) {
    for (const name of file.keys(`${path}/params`)) layer.setTensor(name, tensorOf(file, `${path}/params/${name}`));
  }
  return layer;
}

export function tensorOf(file: ReferenceFile, path: string, requiresGrad = false): Tensor {
  return Tensor.from(file.floats(path), file.array(path).shape, { requiresGrad });
}

/** The steps of a stored sequence `[T, N, ...]`, as tensors `[N, ...]`. */
export function stepsOf(file: ReferenceFile, path: string, requiresGrad = false): Tensor[] {
  const [steps = 0, ...shape] = file.array(path).shape;
  const data = file.floats(path);
  const size = sizeOf(shape);
  return Array.from({ length: steps }, (_, t) =>
    Tensor.from(data.slice(t * size, (t + 1) * size), shape, { requiresGrad }),
  );
}

/** Numbers of several tensors behind each other. */
export function joined(tensors: readonly (Tensor | null)[]): Float32Array {
  return Float32Array.from(tensors.flatMap((tensor) => [...tensor!.toArray()]));
}
