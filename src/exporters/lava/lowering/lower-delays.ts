/**
 * Delays of a block as delays of its matrix. Those of the layer before are delays of the inputs; those behind the last layer delay all inputs of
 * a neuron, which delays its spikes just so where nothing else drives it.
 */
import type { LossyStep } from "../../target.ts";
import { type NetArray, netArray, scalar } from "../net/net-file.ts";
import type { BlockPart } from "./parts.ts";

/** Steps of each neuron of a block behind it; null where there are none. */
export function outputDelaysOf({ outputDelays, synapse }: BlockPart): number[] | null {
  if (!outputDelays?.some((delay) => delay !== 0)) return null;
  return Array.from({ length: synapse.shape[0]! }, (_, neuron) => at(outputDelays, neuron));
}

const at = (delays: readonly number[] | null, i: number): number => delays?.[delays.length === 1 ? 0 : i] ?? 0;
const isCommon = (delays: readonly number[] | null): boolean => delays?.every((delay) => delay === delays[0]) ?? true;

/** The longest delay from an input to a neuron. */
export function longestDelay({ inputDelays, outputDelays }: BlockPart): number {
  return Math.max(0, ...(inputDelays ?? [])) + Math.max(0, ...(outputDelays ?? []));
}

/**
 * One number for all, one for each output or one for each input; a matrix where the loader would take a list of inputs for one of as many
 * outputs, or where both have delays.
 */
export function lowerDelays(block: BlockPart, lossy: LossyStep[]): NetArray | null {
  const { synapse, inputDelays, outputDelays } = block;
  if (synapse.kind !== "linear" || longestDelay(block) === 0) return null;
  const [outputs = 0, inputs = 0] = synapse.weight.shape;
  const layer = inputDelays ? "of the layer before" : "behind it";
  const what = `delays ${layer} written as delays of this layer's inputs, exact`;
  lossy.push({
    place: synapse.source,
    what,
    count: Math.max(inputDelays?.length ?? 0, outputDelays?.length ?? 0),
    largestChange: 0,
  });
  const total = (output: number, input: number) => at(outputDelays, output) + at(inputDelays, input);
  if (isCommon(inputDelays) && isCommon(outputDelays)) return scalar(total(0, 0));
  if (isCommon(inputDelays))
    return netArray(
      [outputs],
      Array.from({ length: outputs }, (_, o) => total(o, 0)),
    );
  if (isCommon(outputDelays) && inputs !== outputs) {
    return netArray(
      [inputs],
      Array.from({ length: inputs }, (_, i) => total(0, i)),
    );
  }
  const matrix = Array.from({ length: outputs * inputs }, (_, k) => total(Math.floor(k / inputs), k % inputs));
  return netArray([outputs, inputs], matrix);
}
