/**
 * Energy of an inference on Loihi 1, estimated from counted events. Constants: Davies et al., "Loihi: a neuromorphic manycore processor with
 * on-chip learning", IEEE Micro 38(1), 2018, as KerasSpiking's ModelEnergy takes them from there (`keras_spiking/model_energy.py`).
 * Nothing of the kind could be sourced for Loihi 2, so there is no estimate for it.
 */
import type { Activity } from "./activity.ts";

/** A synaptic operation itself, and its share of carrying a spike between cores. */
export const SYNAPTIC_OPERATION_PICOJOULES = 23.6 + 3.5;
export const NEURON_UPDATE_PICOJOULES = 81;
export const ENERGY_SOURCE =
  "Davies et al., IEEE Micro 38(1), 2018, as quoted by KerasSpiking's ModelEnergy (keras_spiking/model_energy.py)";

export interface EnergyEstimate {
  /** Joules of one inference. */
  synapses: number;
  neurons: number;
  total: number;
  assumptions: string[];
  source: string;
}

export function estimateEnergy({ layers, steps }: Activity): EnergyEstimate {
  const sum = (of: (layer: Activity["layers"][number]) => number) => layers.reduce((all, layer) => all + of(layer), 0);
  const synapses = sum((layer) => layer.synapticOperations) * SYNAPTIC_OPERATION_PICOJOULES * 1e-12;
  const neurons = sum((layer) => layer.neuronUpdates) * NEURON_UPDATE_PICOJOULES * 1e-12;
  return {
    synapses,
    neurons,
    total: synapses + neurons,
    assumptions: [
      `${SYNAPTIC_OPERATION_PICOJOULES.toFixed(1)} pJ for each synaptic operation (23.6 and 3.5 for its share of the spike's way)`,
      `${NEURON_UPDATE_PICOJOULES} pJ for each neuron in each of the ${steps} steps of a sample, whether it fires or not`,
      "not counted: leakage, the chip's own processors, input and output, other chips, silent steps up to the next reset",
      "the constants were not measured here, and nothing was measured on a chip",
    ],
    source: ENERGY_SOURCE,
  };
}
