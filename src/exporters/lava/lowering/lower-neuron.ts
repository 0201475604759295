/** A neuron of a prepared network as the neuron group of a `.net` layer. */
import { type NetArray, type NetNeuron, netArray, scalar } from "../net/net-file.ts";
import type { ChipNeuron } from "./chip-neuron.ts";

/** `factor`: by which a lowered mean raises the threshold. slayer also writes `refDelay` and `gradedSpike`; Lava's loader reads neither. */
export function lowerNeuron(neuron: ChipNeuron, factor: number): NetNeuron {
  const vThMant = neuron.threshold * factor;
  if (neuron.model !== "cuba") {
    return { type: "SDNN", activation: "relu", vThMant, sigmaOutput: neuron.model === "sigma", extras: {} };
  }
  return {
    type: "CUBA",
    iDecay: decaysOf(neuron.currentDecays),
    vDecay: decaysOf(neuron.voltageDecays),
    vThMant,
    extras: { gradedSpike: scalar(0), refDelay: scalar(1) },
  };
}

/** One number where all channels have the same. */
function decaysOf(decays: readonly number[]): NetArray {
  return decays.every((decay) => decay === decays[0]) ? scalar(decays[0]!) : netArray([decays.length], decays);
}
