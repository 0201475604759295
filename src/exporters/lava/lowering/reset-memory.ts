/**
 * What a network remembers where Lava's periodic reset does not reach: it sets currents and voltages to 0, but not the spikes that are under
 * way in a synapse, and nothing of a sigma-delta neuron. Source: lava-dl `netx/hdf5.py`; lava `proc/dense/models.py`, `proc/sdn/models.py`.
 */
import { DECAY_ONE } from "../chip/neurons/index.ts";
import { blocksOf, type Chain, neuronsOf } from "./chain.ts";
import { type CubaChip, chipNeuronOf } from "./chip-neuron.ts";
import { longestDelay } from "./lower-delays.ts";
import { biasRangeOf, driveOfBlock } from "./lower-synapse.ts";
import type { BlockPart } from "./parts.ts";

const holdsSpikes = (block: BlockPart): boolean => block.recurrent !== null || longestDelay(block) > 0;

/** True when something of a sample can reach the next one through a reset. */
export function outlastsReset(chain: Chain): boolean {
  return (
    blocksOf(chain).some(holdsSpikes) ||
    neuronsOf(chain).some((node) => {
      const neuron = chipNeuronOf(node);
      return neuron !== null && neuron.model !== "cuba";
    })
  );
}

/**
 * Blocks with a memory for spikes that biases may have caused before the first frame arrived: block k waits k + 1 steps for it, and what fires
 * meanwhile is not forgotten at the reset. Bounded from above: a block that may spike early may let the next one spike early.
 */
export function earlySpikes(chain: Chain): BlockPart[] {
  const found: BlockPart[] = [];
  let earlyBefore = false;
  for (const [k, block] of blocksOf(chain).entries()) {
    const neuron = chipNeuronOf(block.neuron);
    if (neuron?.model !== "cuba") continue;
    const early: boolean =
      firesAlone(block, neuron, k + 1) || (earlyBefore && driveOfBlock(block, neuron).positive > 0);
    if ((block.recurrent && early) || (longestDelay(block) > 0 && earlyBefore)) found.push(block);
    earlyBefore = early;
  }
  return found;
}

/** True when biases alone can bring a neuron above its threshold within so many steps. */
function firesAlone(block: BlockPart, neuron: CubaChip, steps: number): boolean {
  const { max } = biasRangeOf(block, neuron);
  const keeps = 1 - Math.min(...neuron.voltageDecays) / DECAY_ONE;
  let voltage = 0;
  for (let step = 0; step < steps; step++) voltage = voltage * keeps + Math.max(max, 0);
  return voltage > neuron.threshold;
}
