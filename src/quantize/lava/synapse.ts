/** Which layers can be the synapse of a Lava block, and why others cannot. */
import type { Layer } from "../../model/index.ts";
import { refuse } from "./refusal.ts";
import { WEIGHT_MAX } from "./weights.ts";

const SYNAPSES = ["Conv2d", "Linear", "SumPool2d"];

/** The way out for layers that people put where a synapse belongs. */
const WAYS_OUT: Readonly<Record<string, string>> = {
  MaxPool2d: "Over spikes, preparing the network turns it into a block of its own: give prepare the whole network.",
  AvgPool2d: "Preparing the whole network turns it into a SumPool2d; the divisor goes into the weights behind it.",
  BatchNorm2d: "Preparing the whole network folds it into the weights before it.",
};

/** Refuses a synapse that Loihi cannot hold. */
export function expectSynapse(synapse: Layer): void {
  if (!SYNAPSES.includes(synapse.kind)) {
    const hint = WAYS_OUT[synapse.kind] ?? "Each block is one synapse followed by one neuron.";
    refuse(synapse, `one of ${SYNAPSES.join(", ")}`, synapse.kind, hint);
  }
}

/** Refuses a bias where the chip has no place for it. */
export function expectNoBias(synapse: Layer): void {
  if (!hasBias(synapse)) return;
  const hint = "Only blocks of a synapse and a CUBA neuron without a norm hold biases: train with bias: false.";
  refuse(synapse, "bias false", "bias true", hint);
}

/** A synapse's bias enters the current, the chip's the voltage: the same only for a current without memory. */
export function expectBiasHeld(synapse: Layer, neuron: Layer): void {
  const { currentDecay, requiresGrad } = neuron.options as { currentDecay: number; requiresGrad: boolean };
  if (!hasBias(synapse) || (currentDecay === 1 && !requiresGrad)) return;
  const got = requiresGrad ? "decays that are learned" : `currentDecay ${currentDecay}`;
  const hint = "The chip adds biases to the voltage, not to the current: train with bias: false, or with that decay.";
  refuse(synapse, "a neuron with currentDecay 1 behind a bias", got, hint);
}

export function hasBias({ options }: Layer): boolean {
  return "bias" in options && options.bias === true;
}

/** Largest scale at which a sum pool's weight of 1 is a number of the chip. */
export const POOL_SCALE_MAX = 2 ** Math.floor(Math.log2(WEIGHT_MAX));

/** Refuses a scale at which the synapse's fixed weights leave the chip's 8 bits. */
export function expectScale(synapse: Layer, scale: number): void {
  if (synapse.kind !== "SumPool2d" || scale <= POOL_SCALE_MAX) return;
  const hint = `The weights of a sum pool are 1: at a scale above ${POOL_SCALE_MAX} that is more than ${WEIGHT_MAX} steps.`;
  refuse(synapse, `a neuron with a scale of at most ${POOL_SCALE_MAX}`, `scale ${scale}`, hint);
}

/** Channels behind a synapse, which its options must tell. */
export function channelsOf(synapse: Layer): number {
  const { outFeatures, outChannels } = synapse.options as { outFeatures?: number; outChannels?: number };
  const channels = outFeatures ?? outChannels;
  if (channels !== undefined) return channels;
  return refuse(synapse, "a Conv2d or Linear", synapse.kind, "Put an AxonalDelay layer behind the block instead.");
}
