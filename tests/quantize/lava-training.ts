/** Running neuron layers on the stored cases of `lava_neuron.h5`. */
import { expect } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import { CubaLIFNode, type Layer, type Reference } from "../../src/model/index.ts";
import { permute, Tensor } from "../../src/tensor/index.ts";
import type { ReferenceFile } from "../h5.ts";
import { tensorOf } from "../model/layer-fixture.ts";
import { expectClose, ONE_PASS } from "../tolerance.ts";

export const context = { training: true, random: new RandomStream(0) };

/** A stored `[N, C, ..., T]` as `[T, N, C, ...]`, and back. */
export const timeFirst = (x: Tensor): Tensor => {
  const axes = [...x.shape.keys()];
  return permute(x, [axes.at(-1)!, ...axes.slice(0, -1)]);
};
export const timeLast = (x: Tensor): Tensor => permute(x, [...[...x.shape.keys()].slice(1), 0]);

/** Every number equal; zeros of both signs count as equal. */
export function expectExactly(got: ArrayLike<number>, stored: ArrayLike<number>, what: string): void {
  expect(got.length, what).toBe(stored.length);
  const wrong = Array.from(stored).findIndex((value, i) => value !== got[i]);
  expect(wrong, `${what}: value ${wrong} is ${got[wrong]}, stored ${stored[wrong]}`).toBe(-1);
}

/** Gradients: 1e-5 of the largest entry, the file's own rule. */
export const expectGradient = (got: Tensor, stored: ArrayLike<number>, what: string): void =>
  expectClose(got.toArray(), stored, ONE_PASS, what);

const DECAY_ONE = 4096;

export interface NeuronCase {
  file: ReferenceFile;
  path: string;
  reference: Reference;
  /** More options of the neuron. */
  options?: Parameters<typeof CubaLIFNode>[0] | object;
}

/** The neuron of a stored case with its decays, learned by channel where the file holds several. The caller disposes it. */
export function neuronOf({ file, path, reference, options = {} }: NeuronCase): Layer {
  const attribute = (name: string) => file.attribute(path, name);
  const decays = ["current_decay", "voltage_decay"].map((name) => file.floats(`${path}/${name}_param`));
  const channels = Math.max(...decays.map(({ length }) => length));
  const requiresGrad = Number(attribute("requires_grad")) === 1;
  const [current, voltage] = decays.map((values) => values[0]! / DECAY_ONE);
  const neuron = CubaLIFNode({
    currentDecay: current!,
    voltageDecay: voltage!,
    vThreshold: Number(attribute("threshold")),
    scale: Number(attribute("scale")),
    requiresGrad,
    reference,
    storeVSeq: true,
    ...(channels > 1 ? { channels } : {}),
    ...options,
  });
  neuron.initialize(new RandomStream(0));
  neuron.stepMode = "m";
  if (requiresGrad) {
    ["current_decay", "voltage_decay"].forEach((name, i) => {
      neuron.setTensor(name, Tensor.from(decays[i]!, channels > 1 ? [channels] : []));
    });
  }
  return neuron;
}

/** Compares the gradients of learned decays with the stored ones. */
export function expectDecayGradients(neuron: Layer, file: ReferenceFile, path: string): void {
  for (const [name, tensor] of neuron.parameters) {
    expectGradient(tensor.grad!, file.floats(`${path}/grad_${name}`), `${path} ${name}`);
  }
}

/** A stored dataset as a tensor in its own shape. */
export { tensorOf };
