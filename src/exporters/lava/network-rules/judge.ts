/**
 * What the rules over networks share: how a judgement about a block becomes a finding. A rule that stands for a known disagreement between
 * trainer, file and loader names its number ("discrepancy 21") with its source, as the rules over files do.
 */
import type { NeuronNode } from "../../../model/index.ts";
import type { Finding } from "../../target.ts";
import { type RuleFacts, sourceOf } from "../file-rules/judge.ts";
import { blocksOf, type Chain, neuronsOf } from "../lowering/chain.ts";
import { type ChipNeuron, chipNeuronOf } from "../lowering/chip-neuron.ts";
import type { BlockPart } from "../lowering/parts.ts";

export { LIF_MODEL, LOADER, QUANTIZER, type RuleFacts, SDN_MODEL } from "../file-rules/judge.ts";

export type GraphRule = (chain: Chain) => Finding[];

export interface Judgement {
  severity: Finding["severity"];
  /** Path of the layer. */
  place: string;
  message: string;
  rewrite: string;
}

function findingOf(facts: RuleFacts, { severity, place, message, rewrite }: Judgement): Finding {
  return { rule: `loihi/${facts.rule}`, severity, place, message, source: sourceOf(facts), rewrite };
}

/** A rule about each block whose neuron Loihi has. */
export const eachBlock =
  (facts: RuleFacts, judge: (block: BlockPart, neuron: ChipNeuron, chain: Chain) => (Judgement | null)[]): GraphRule =>
  (chain) =>
    blocksOf(chain).flatMap((block) => {
      const neuron = chipNeuronOf(block.neuron);
      return findingsOf(facts, neuron ? judge(block, neuron, chain) : []);
    });

/** A rule about each neuron that Loihi has, those of the input included. */
export const eachNeuron =
  (facts: RuleFacts, judge: (node: NeuronNode, neuron: ChipNeuron) => (Judgement | null)[]): GraphRule =>
  (chain) =>
    neuronsOf(chain).flatMap((node) => {
      const neuron = chipNeuronOf(node);
      return findingsOf(facts, neuron ? judge(node, neuron) : []);
    });

/** A rule about the chain as a whole. */
export const wholeChain =
  (facts: RuleFacts, judge: (chain: Chain) => (Judgement | null)[]): GraphRule =>
  (chain) =>
    findingsOf(facts, judge(chain));

const findingsOf = (facts: RuleFacts, judgements: readonly (Judgement | null)[]): Finding[] =>
  judgements.filter((judgement) => judgement !== null).map((judgement) => findingOf(facts, judgement));
