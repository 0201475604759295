/** Neurons whose function stays the same when a factor moves from their input to their threshold or into the weights before them. */
import { isSpikingLayer, Layer } from "../../../model/index.ts";
import { Tensor } from "../../../tensor/index.ts";

/** The same neuron with some options changed, its place and copies of its tensors. */
export function neuronWith(neuron: Layer, options: Record<string, unknown>): Layer {
  const changed = new Layer(neuron.definition, { ...neuron.options, ...options });
  changed.path = neuron.path;
  for (const name of Object.keys(neuron.specs)) {
    const tensor = neuron.tensor(name);
    changed.setTensor(name, Tensor.from(tensor.toArray(), tensor.shape));
  }
  return changed;
}

/** The tau by which a LIF neuron divides its input; 1 for others. Only a reset to 0 leaves the rest of the equation alone. */
export function inputDivisor({ kind, options }: Layer): number {
  const { decayInput, tau, vReset } = options as { decayInput?: boolean; tau?: number; vReset?: number | null };
  return kind === "LIFNode" && decayInput === true && vReset === 0 ? tau! : 1;
}

export const thresholdOf = ({ options }: Layer): number => (options as { vThreshold: number }).vThreshold;

/** True for neurons that fire at the threshold; Loihi's fire above it. */
export const firesAtThreshold = (neuron: Layer): boolean => isSpikingLayer(neuron) && neuron.kind !== "CubaLIFNode";
