/**
 * Lava's fixed-point neuron models step by step, in whole numbers: the definition that the fast simulator is tested against.
 * One object holds the states of all neurons of a layer for all samples; it does not know where activations come from.
 */
import { CubaNeurons, type CubaParameters } from "./cuba-neurons.ts";
import type { ChipNeurons, RegisterEvents } from "./neuron-model.ts";
import { ResonatorNeurons, type ResonatorParameters } from "./resonator-neurons.ts";
import { SigmaDeltaNeurons, type SigmaDeltaParameters } from "./sigma-delta-neurons.ts";

export type { CubaParameters } from "./cuba-neurons.ts";
export {
  type ChipNeurons,
  DECAY_ONE,
  noEvents,
  REGISTER,
  type RegisterEvents,
  STATE_BITS,
  STATE_STEPS,
} from "./neuron-model.ts";
export { dependsOnMachine, loadedDecays, type ResonatorDecays, sturdyDecay } from "./resonator-decays.ts";
export type { ResonatorParameters } from "./resonator-neurons.ts";
export type { SigmaDeltaParameters } from "./sigma-delta-neurons.ts";

export type NeuronParameters = CubaParameters | SigmaDeltaParameters | ResonatorParameters;
export type NeuronModel = NeuronParameters["model"];

/** Neurons of one layer for some samples, all states 0. `events` is counted up. */
export function makeNeurons(
  parameters: NeuronParameters,
  features: number,
  samples: number,
  events: RegisterEvents,
): ChipNeurons {
  switch (parameters.model) {
    case "cuba":
      return new CubaNeurons(parameters, features, samples, events);
    case "phase":
    case "izhikevich":
      return new ResonatorNeurons(parameters, features, samples, events);
    case "delta":
    case "sigmaDelta":
    case "sigma":
      return new SigmaDeltaNeurons(parameters, features, samples);
  }
}
