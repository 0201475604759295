/**
 * What the rules over `.net` files share: how a judgement about a layer becomes a finding, and where a layer keeps its numbers. A rule that
 * stands for a known disagreement between trainer, file and loader names its number ("discrepancy 21") with its source.
 */
import type { Finding } from "../../target.ts";
import { type NetArray, type NetFile, type NetLayer, type NetNeuron, neuronOf, placeOf } from "../net/net-file.ts";

export const LOADER = "lava-dl netx/hdf5.py";
export const LIF_MODEL = "lava proc/lif/models.py";
export const SDN_MODEL = "lava proc/sdn/models.py";
export const QUANTIZER = "lava-dl slayer/utils/quantize.py";

export type NetRule = (net: NetFile) => Finding[];

export interface RuleFacts {
  /** Without the chip's name. */
  rule: string;
  /** Number of the disagreement that the rule stands for. */
  discrepancy?: number;
  source: string;
}

export interface Judgement {
  severity: Finding["severity"];
  /** Place inside the layer. */
  member?: string;
  message: string;
  rewrite: string;
}

export function sourceOf({ discrepancy, source }: RuleFacts): string {
  return discrepancy === undefined ? source : `${source}; discrepancy ${discrepancy}`;
}

export function findingOf(facts: RuleFacts, layer: number, judgement: Judgement): Finding {
  const { severity, member, message, rewrite } = judgement;
  return {
    rule: `loihi/${facts.rule}`,
    severity,
    place: placeOf(layer, member),
    message,
    source: sourceOf(facts),
    rewrite,
  };
}

type Judge<Subject> = (subject: Subject, index: number, net: NetFile) => (Judgement | null)[];

/** A rule about each layer. */
export const eachLayer =
  (facts: RuleFacts, judge: Judge<NetLayer>): NetRule =>
  (net) =>
    net.layers.flatMap((layer, index) =>
      judge(layer, index, net)
        .filter((judgement) => judgement !== null)
        .map((judgement) => findingOf(facts, index, judgement)),
    );

/** A rule about each neuron group of some types. */
export const eachNeuron = <T extends NetNeuron["type"]>(
  facts: RuleFacts,
  types: readonly T[],
  judge: (neuron: Extract<NetNeuron, { type: T }>, layer: NetLayer) => (Judgement | null)[],
): NetRule =>
  eachLayer(facts, (layer) => {
    const neuron = neuronOf(layer);
    const judged = neuron !== null && (types as readonly string[]).includes(neuron.type);
    return judged ? judge(neuron as Extract<NetNeuron, { type: T }>, layer) : [];
  });

/** The arrays of a layer that hold weights, by member. */
export function weightsOf(layer: NetLayer): [member: string, array: NetArray][] {
  if (layer.type === "dense" && layer.imaginary) {
    return [
      ["weight/real", layer.weight],
      ["weight/imag", layer.imaginary],
    ];
  }
  if (layer.type === "dense_rec") {
    return [
      ["weight", layer.weight],
      ["weight_rec", layer.weightRec],
    ];
  }
  const hasArray = "weight" in layer && layer.weight !== null && typeof layer.weight === "object";
  return hasArray ? [["weight", layer.weight as NetArray]] : [];
}

export const biasOf = (layer: NetLayer): NetArray | null =>
  "bias" in layer && typeof layer.bias === "object" ? layer.bias : null;
export const delayOf = (layer: NetLayer): NetArray | null => ("delay" in layer ? layer.delay : null);

export const countOf = (array: NetArray, wrong: (value: number) => boolean): number =>
  array.data.reduce((n, value) => n + (wrong(value) ? 1 : 0), 0);

/** True when the loader's whole number of some element is not 0. */
export const actsAtAll = (array: NetArray | null): boolean =>
  array?.data.some((value) => Math.trunc(value) !== 0) ?? false;
