/** Which layers can be the synapse of a Lava block, and why others cannot. */
import type { Layer } from "../../model/index.ts";
import { refuse } from "./refusal.ts";
import { WEIGHT_MAX } from "./weights.ts";

const SYNAPSES = ["Conv2d", "Linear", "SumPool2d"];

/** The way out for layers that people put where a synapse belongs. */
const WAYS_OUT: Readonly<Record<string, string>> = {
  MaxPool2d:
    "A maximum has no equivalent on Loihi: train with a strided Conv2d, or with SumPool2d followed by a neuron.",
  AvgPool2d: "Train with SumPool2d followed by a neuron whose threshold is larger by the number of pixels in a window.",
  BatchNorm2d: "Loihi has no batch norm: train without it, or with a MeanOnlyBatchNorm as the norm of a Block.",
};

/** Refuses a synapse that Loihi cannot hold. */
export function expectSynapse(synapse: Layer): void {
  if (!SYNAPSES.includes(synapse.kind)) {
    const hint = WAYS_OUT[synapse.kind] ?? "Each block is one synapse followed by one neuron.";
    refuse(synapse, `one of ${SYNAPSES.join(", ")}`, synapse.kind, hint);
  }
  if ("bias" in synapse.options && synapse.options.bias) {
    refuse(synapse, "bias false", "bias true", "The 8-bit synapse has no bias: train with bias: false.");
  }
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
