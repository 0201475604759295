/** Rules about the form of a network: what its input carries, which neurons and pools it has. Order and branches are judged on the way. */

import { inputNeuronOf, neuronsOf } from "../lowering/chain.ts";
import { answerFor, SIGMA_DELTA } from "../lowering/chip-neuron.ts";
import { lowerPool } from "../lowering/lower-synapse.ts";
import { eachBlock, eachNeuron, type GraphRule, type Judgement, LOADER, wholeChain } from "./judge.ts";

/** What the walk along the network found: unknown layers, branches, delays without a place. */
export const structure: GraphRule = ({ findings }) => findings;

export const spikeInput = wholeChain({ rule: "spike-input", discrepancy: 31, source: LOADER }, (chain) =>
  chain.parts.map((part): Judgement | null => {
    if (part.kind !== "input" || part.node.values === "spikes" || part.neuron) return null;
    const message = "The network receives real numbers; Loihi receives spikes where no neurons stand at the input.";
    const rewrite = "Use an encoder that makes spikes (PoissonEncoder or LatencyEncoder), or begin with an InputBlock.";
    return { severity: "error", place: part.node.source, message, rewrite };
  }),
);

/** Lava leaves an input layer's weight and bias to the host, which sends whole numbers. */
export const inputTransform = wholeChain({ rule: "input-transform", discrepancy: 31, source: LOADER }, (chain) => {
  const first = inputNeuronOf(chain);
  if (!first?.hostInput) return [];
  const { scale, weight, bias } = first.hostInput;
  const place = first.source;
  // inputs are even numbers of steps
  if (!Number.isInteger(2 * weight) || !Number.isInteger(bias * scale)) {
    const message = `The input times ${weight} plus ${bias} is no whole number of steps of 1/${scale}, and the chip receives whole ones.`;
    const rewrite = "Use a weight that is a multiple of 0.5.";
    return [{ severity: "error", place, message, rewrite }];
  }
  const message = `The host sends the input as whole numbers of 1/${scale}: rounded to even ones from -256 to 254, times ${weight}, plus ${bias * scale}.`;
  const rewrite = "Nothing is to be done: the manifest says it, and the written script does it.";
  return [{ severity: "note", place, message, rewrite }];
});

export const knownNeuron = wholeChain({ rule: "unsupported-neuron", discrepancy: 7, source: LOADER }, (chain) =>
  neuronsOf(chain).map((node): Judgement | null => {
    const answer = answerFor(node);
    if ("neuron" in answer) return null;
    const message = `${node.neuron}: ${answer.refusal}`;
    return { severity: "error", place: node.source, message, rewrite: answer.rewrite };
  }),
);

/** Which sigma-delta neuron a layer gets, its place decides. */
export const sigmaDeltaOrder = wholeChain({ rule: "sigma-delta-order", source: LOADER }, (chain) => {
  const nodes = neuronsOf(chain);
  const first = inputNeuronOf(chain);
  const isSigmaDelta = ({ neuron }: (typeof nodes)[number]) => neuron === SIGMA_DELTA;
  if (!nodes.some(isSigmaDelta)) return [];
  return nodes.map((node): Judgement | null => {
    const part = isSigmaDelta(node) ? node.options.part : "other";
    if (!first && node === nodes[0]) {
      const message = "Sigma-delta neurons add up changes, and what arrives here are no changes.";
      const rewrite = "Begin with a SigmaDeltaBlock without a synapse, whose neuron has the part delta.";
      return { severity: "error", place: node.source, message, rewrite };
    }
    const expected = node === first ? ["delta"] : node === nodes.at(-1) ? ["sigmaDelta", "sigma"] : ["sigmaDelta"];
    if (expected.includes(part as string)) return null;
    const message = `It is ${part === "other" ? "no sigma-delta neuron" : `a neuron with the part ${part}`}; here the file has ${expected.join(" or ")}.`;
    const rewrite =
      "Use sigma-delta neurons in all layers: delta at the input, sigmaDelta behind it, sigma at the end only.";
    return { severity: "error", place: node.source, message, rewrite };
  });
});

/** Messages between layers are single bits. */
export const messageWidth = eachNeuron(
  { rule: "message-width", discrepancy: 26, source: LOADER },
  ({ source: place }, neuron) => {
    if (neuron.model !== "cuba" || !neuron.graded) return [];
    const message = "Its spikes carry the voltage; the loader runs CUBA neurons with messages of one bit.";
    return [{ severity: "error", place, message, rewrite: "Train with gradedSpike: false." }];
  },
);

export const poolLowering = eachBlock({ rule: "pool", discrepancy: 14, source: LOADER }, (block, neuron) => {
  const lowered = lowerPool(block, neuron);
  if (!lowered || !("refusal" in lowered)) return [];
  return [{ severity: "error", place: block.synapse.source, message: lowered.refusal, rewrite: lowered.rewrite }];
});
