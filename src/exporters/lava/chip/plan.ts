/**
 * From a `.net` file to what runs: the blocks that Lava's loader would build, with synapses and neurons as they would compute. What the
 * loader refuses, drops or gets wrong is refused here with the way out. It follows lava-dl `netx/hdf5.py`, `Network._create`.
 */
import { fail } from "../../../core/index.ts";
import type { SimulationOptions } from "../emulation/simulation.ts";
import type { NetFile } from "../net/net-file.ts";
import type { Plan, Walk } from "./blocks.ts";
import { planBlock } from "./plan-blocks.ts";

/** What the loader is told; the rest concerns the run. */
export type LoadingOptions = Pick<SimulationOptions, "numLayers" | "inputShape" | "inputMessageBits" | "spikeExp">;

/** @throws TARGET naming the layer when Lava's loader cannot run the file as it was meant, OPTION for arguments out of range. */
export function planNet(net: NetFile, options: LoadingOptions = {}): Plan {
  const { numLayers, inputMessageBits = 0, spikeExp = 6 } = options;
  const count = net.layers.length;
  if (numLayers !== undefined && !(Number.isInteger(numLayers) && numLayers >= 1 && numLayers <= count)) {
    fail("OPTION", { where: "numLayers", expected: `1 to ${count}, the layers of the file`, got: `${numLayers}` });
  }
  const given = options.inputShape ? [...options.inputShape] : null;
  const walk: Walk = {
    blocks: [],
    shape: given,
    inputShape: given,
    flattened: false,
    graded: inputMessageBits > 0,
    spikeExp,
  };
  for (const [i, layer] of net.layers.slice(0, numLayers).entries()) planBlock(layer, i, walk);
  const [first] = walk.blocks;
  if (!first || !walk.inputShape) {
    fail("TARGET", { where: ".net file", expected: "at least one layer with a neuron", got: "none" });
  }
  return { blocks: walk.blocks, inputShape: walk.inputShape, ownsInput: first.synapse.kind === "none" };
}

/** Steps from an input frame to the answer of block `index`: one for each synapse on the way. */
export function latencyOf(plan: Plan, index: number): number {
  return index + (plan.ownsInput ? 0 : 1);
}
