/** Rules about what is added in every step and what the registers must hold: biases, currents, voltages, sums of convolutions. */
import { SpikeshipError } from "../../../core/index.ts";
import type { Finding } from "../../target.ts";
import type { Block } from "../chip/blocks.ts";
import { effectiveWeights } from "../chip/dense-weights.ts";
import { BIAS_MAX, BIAS_MIN } from "../chip/limits.ts";
import { type CubaParameters, REGISTER, STATE_STEPS } from "../chip/neurons/index.ts";
import { type Drive, driveOf, registerBounds } from "../chip/overflow.ts";
import type { NetFile } from "../net/net-file.ts";
import {
  biasOf,
  countOf,
  eachLayer,
  findingOf,
  type Judgement,
  LIF_MODEL,
  LOADER,
  type NetRule,
  type RuleFacts,
} from "./judge.ts";
import { hasBiases, plannedOrProblem } from "./layers.ts";

export const biasRange = eachLayer({ rule: "bias-range", discrepancy: 34, source: LIF_MODEL }, (layer) => {
  const bias = biasOf(layer);
  const count = bias ? countOf(bias, (value) => Math.trunc(value) < BIAS_MIN || Math.trunc(value) > BIAS_MAX) : 0;
  const message = `${count} biases lie outside ${BIAS_MIN} to ${BIAS_MAX}; beyond 16 bits they wrap around.`;
  return [count === 0 ? null : { severity: "warning", member: "bias", message, rewrite: "Use a smaller scale." }];
});

export const biasAlignment = eachLayer(
  { rule: "bias-alignment", discrepancy: 19, source: LOADER },
  (layer, index, net) => {
    const ownsInput = net.layers.slice(0, index + 1).some((other) => other.type === "input" && other.neuron !== null);
    const message =
      "Biases act before the first frame arrives: run with a reset interval whose reset falls on the first frame of a sample.";
    const rewrite = `Use reset_offset ${ownsInput ? 0 : 1}.`;
    return [hasBiases(layer) ? { severity: "note", member: "bias", message, rewrite } : null];
  },
);

/** Lava's default offset of 0 is one step early where no input neuron comes first; it matters where something is reset. */
export const resetOffset: NetRule = ({ layers }) => {
  const facts: RuleFacts = { rule: "reset-offset", discrepancy: 20, source: LOADER };
  const ownsInput = layers[0]?.type === "input" && layers[0].neuron !== null;
  const first = layers.findIndex(hasBiases);
  const message =
    "With Lava's default reset_offset of 0 every reset falls one step early, and the last frame leaks into the next sample.";
  const judgement: Judgement = { severity: "note", message, rewrite: "Give the loader reset_offset 1." };
  return ownsInput || first < 0 ? [] : [findingOf(facts, first, judgement)];
};

/** Largest sums into one neuron of a block in one step, for spikes of size 1. */
function driveOfBlock({ synapse, outputShape }: Block): Drive {
  if (synapse.kind === "none") return { positive: 0, negative: 0 };
  if (synapse.kind === "conv") return driveOf(synapse.conv.weights, outputShape[0]!);
  const drives = [synapse.forward, synapse.recurrent]
    .filter((matrix) => matrix !== null)
    .map((matrix) => driveOf(effectiveWeights(matrix), matrix.outputs));
  return {
    positive: drives.reduce((sum, { positive }) => sum + positive, 0),
    negative: drives.reduce((sum, { negative }) => sum + negative, 0),
  };
}

/** Blocks of leaky neurons that take spikes, if the file can be loaded. */
function spikingBlocks(net: NetFile): (Block & { neuron: CubaParameters })[] {
  const takesSpikes = (block: Block): block is Block & { neuron: CubaParameters } =>
    block.neuron.model === "cuba" && !block.gradedInput && block.synapse.kind !== "none";
  const plan = plannedOrProblem(net);
  return plan instanceof SpikeshipError ? [] : plan.blocks.filter(takesSpikes);
}

const smallest = (values: Int32Array): number => values.reduce((a, b) => Math.min(a, b));
const largest = (values: Int32Array): number => values.reduce((a, b) => Math.max(a, b));

/** The worst case over all spike inputs, where a leak bounds it. Without a leak the simulator tells whether data reach it. */
export const currentOverflow: NetRule = (net) => spikingBlocks(net).flatMap((block) => boundsOf(block, "current"));

/** Upwards a voltage ends at the threshold plus one step, so that mostly inhibition matters, where a leak bounds it. */
export const voltageOverflow: NetRule = (net) => spikingBlocks(net).flatMap((block) => boundsOf(block, "voltage"));

const FATES = { current: "wraps around", voltage: "is clipped" } as const;

function boundsOf(block: Block & { neuron: CubaParameters }, register: "current" | "voltage"): Finding[] {
  const { layer, neuron } = block;
  const { threshold } = neuron;
  const leak = { currentDecay: smallest(neuron.currentDecay), voltageDecay: smallest(neuron.voltageDecay), threshold };
  const bias = { min: smallest(neuron.bias), max: largest(neuron.bias) };
  const bounds = registerBounds(driveOfBlock(block), leak, bias, 1);
  const facts: RuleFacts = { rule: `${register}-overflow`, discrepancy: 16, source: LIF_MODEL };
  const reach = Math.ceil(bounds[register] / STATE_STEPS);
  const message = `In the worst case the ${register} reaches ${reach} weight steps; it ${FATES[register]} beyond ${REGISTER / STATE_STEPS}, and in training it does not.`;
  const rewrite = "Use a smaller scale, fewer inputs per neuron or a faster decay.";
  return bounds[register] > REGISTER ? [findingOf(facts, layer, { severity: "warning", message, rewrite })] : [];
}
