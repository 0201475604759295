/** Rules about biases, delays and time: where they act, how far they go, and how a sample is aligned with the chip's resets. */
import { BIAS_MAX, BIAS_MIN } from "../chip/limits.ts";
import { DELAY_MAX } from "../chip/plan-blocks.ts";
import { blocksOf, neuronsOf } from "../lowering/chain.ts";
import { chipNeuronOf, hasNoCurrentMemory } from "../lowering/chip-neuron.ts";
import { longestDelay, outputDelaysOf } from "../lowering/lower-delays.ts";
import { biasSteps } from "../lowering/lower-synapse.ts";
import { earlySpikes, outlastsReset } from "../lowering/reset-memory.ts";
import { eachBlock, type Judgement, LIF_MODEL, LOADER, SDN_MODEL, wholeChain } from "./judge.ts";

/** A synapse's bias enters the current, the chip's the voltage: equal only where the current has no memory. */
export const biasPlace = eachBlock({ rule: "bias-place", source: LIF_MODEL }, ({ synapse }, neuron) => {
  if (synapse.kind === "pool" || !synapse.bias?.data.some((bias) => bias !== 0)) return [];
  if (neuron.model !== "cuba" || hasNoCurrentMemory(neuron)) return [];
  const message = "The bias is added to a current with memory; the chip adds biases to the voltage.";
  const rewrite = "Train with bias: false, or with a current decay of 1.";
  return [{ severity: "error", place: synapse.source, message, rewrite }];
});

/**
 * A synapse's bias would be summed up step by step; the loader fails on those of an output; one above 0 is sent before the first frame
 * arrives, and no reset takes it back.
 */
export const sigmaDeltaBias = eachBlock(
  { rule: "sigma-delta-bias", discrepancy: 19, source: SDN_MODEL },
  (block, neuron) => {
    const { synapse } = block;
    const own = block.neuron.channelBias?.data ?? new Float32Array();
    const has = (values: Float32Array | undefined) => values?.some((bias) => bias !== 0) ?? false;
    const problems: [boolean, string, string][] = [
      [
        synapse.kind !== "pool" && has(synapse.bias?.data),
        "A synapse's bias would be added to the sum at every step.",
        "Use the option channels of SigmaDelta.",
      ],
      [
        neuron.model === "sigma" && has(own),
        "Lava's loader fails on biases of a sigma output.",
        "Train the part sigma without the option channels.",
      ],
      [
        neuron.model === "sigmaDelta" && own.some((bias) => bias > 0),
        "Biases above 0 are sent before the first frame arrives, and sigma-delta neurons are never reset.",
        "Train without the option channels, or with biases of at most 0.",
      ],
    ];
    if (neuron.model === "cuba") return [];
    return problems.map(([broken, message, rewrite]) =>
      broken ? { severity: "error", place: synapse.source, message, rewrite } : null,
    );
  },
);

export const biasRange = eachBlock({ rule: "bias-range", discrepancy: 34, source: LIF_MODEL }, (block, neuron) => {
  const total = biasSteps(block, neuron) ?? new Float64Array();
  const wrong = total.filter((steps) => !(Number.isInteger(steps) && steps >= BIAS_MIN && steps <= BIAS_MAX)).length;
  if (wrong === 0) return [];
  const message = `${wrong} of ${total.length} biases are no whole number of weight steps from ${BIAS_MIN} to ${BIAS_MAX}.`;
  const rewrite = "Prepare the network for Loihi, which rounds biases to the grid, or train with bias: false.";
  return [{ severity: "error", place: block.synapse.source, message, rewrite }];
});

/** Biases act from the chip's first step on, before the first frame has arrived. */
export const biasAlignment = eachBlock({ rule: "bias-alignment", discrepancy: 19, source: LOADER }, (block, neuron) => {
  if (!biasSteps(block, neuron)) return [];
  const message = "Biases act before the first frame arrives: the network must be reset when a sample begins.";
  const rewrite = "Run with a reset interval, as the written script does.";
  return [{ severity: "note", place: block.synapse.source, message, rewrite }];
});

/** Spikes of biases before the first frame are not forgotten at the reset where a layer keeps them. */
export const earlySpikesKept = wholeChain({ rule: "early-spikes", discrepancy: 19, source: LOADER }, (chain) =>
  earlySpikes(chain).map(({ synapse, recurrent }) => {
    const keeper = recurrent ? "its recurrent synapse" : "its delays";
    const message = `Biases can make neurons fire before the first frame arrives, and ${keeper} would carry those spikes past the reset.`;
    const rewrite = "Train without biases up to here, or without recurrence and delays.";
    return { severity: "error", place: synapse.source, message, rewrite };
  }),
);

/** The loader clips what is longer and cuts fractions. */
export const delayRange = wholeChain({ rule: "delay-range", discrepancy: 25, source: LOADER }, (chain) =>
  blocksOf(chain).map((block): Judgement | null => {
    const { synapse, inputDelays, outputDelays } = block;
    const delays = [...(inputDelays ?? []), ...(outputDelays ?? [])];
    const longest = longestDelay(block);
    if (delays.every((delay) => Number.isInteger(delay) && delay >= 0) && longest <= DELAY_MAX) return null;
    const message = `Delays of up to ${longest} steps; the chip takes whole numbers from 0 to ${DELAY_MAX}.`;
    return { severity: "error", place: synapse.source, message, rewrite: "Clamp the delays." };
  }),
);

/** Delays behind the last layer are those of its inputs, which nothing but inputs may drive then. */
export const outputDelay = eachBlock({ rule: "output-delay", discrepancy: 30, source: LOADER }, (block, neuron) => {
  const { source: place } = block.neuron;
  if (!outputDelaysOf(block)) return [];
  if (biasSteps(block, neuron)) {
    const message = "Biases do not wait for the delayed inputs by which the delay behind this layer is written.";
    return [{ severity: "error", place, message, rewrite: "Train without the bias, or without the delay." }];
  }
  return [];
});

/** Resets come in intervals of a power of two on Loihi 2, so a sample of other length waits. */
export const resetInterval = wholeChain(
  { rule: "reset-interval", source: "comment in lava-dl's netx MNIST tutorial" },
  (chain) => {
    const last = blocksOf(chain).at(-1);
    const { steps } = chain;
    const interval = 2 ** Math.ceil(Math.log2(Math.max(1, steps)));
    if (!last || interval === steps || outlastsReset(chain)) return [];
    const message = `A sample has ${steps} steps; Loihi 2 resets in intervals of a power of two: ${interval} steps a sample. What Loihi 1 takes is unknown.`;
    const rewrite = `Train with ${interval} steps, or leave ${interval - steps} steps without input between samples, as the written script does.`;
    return [{ severity: "note", place: last.neuron.source, message, rewrite }];
  },
);

/** The periodic reset sets currents and voltages to 0, and nothing else. */
export const resetReach = wholeChain(
  { rule: "reset-reach", source: "lava proc/dense/models.py, proc/sdn/models.py" },
  (chain) => {
    const last = blocksOf(chain).at(-1);
    if (!last || !outlastsReset(chain)) return [];
    const message =
      "Lava's periodic reset leaves spikes under way in recurrent and delayed synapses, and the states of sigma-delta neurons: the end of a sample would reach the next one.";
    const rewrite = "Make the network anew for every sample, as the written script does (--between rebuild).";
    return [{ severity: "note", place: last.neuron.source, message, rewrite }];
  },
);

/** The offset at which a network without input neurons is reset before its first frame, and the steps until its answer. */
export const frameAlignment = wholeChain({ rule: "reset-offset", discrepancy: 20, source: LOADER }, (chain) => {
  const blocks = blocksOf(chain);
  const last = blocks.at(-1);
  const biased = blocks.some((block) => {
    const neuron = chipNeuronOf(block.neuron);
    return neuron !== null && biasSteps(block, neuron) !== null;
  });
  if (!last || !biased || neuronsOf(chain).length > blocks.length) return [];
  const message = `The answer comes ${blocks.length} ${blocks.length === 1 ? "step" : "steps"} after its frame. With Lava's default reset_offset of 0 every reset falls one step early, and the last frame leaks into the next sample.`;
  return [{ severity: "note", place: last.neuron.source, message, rewrite: "Give the loader reset_offset 1." }];
});
