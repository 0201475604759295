/** What Lava DL's blocks have besides synapse and neuron: whose arithmetic, a shift by one step, learned axonal delays. */
import { z } from "zod";
import { type ForwardContext, type GraphBuilder, type Layer, REFERENCES } from "../../model/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { rulesOf, scaleOf } from "./neuron.ts";
import { AxonalDelay } from "./slayer/axonal-delay.ts";
import { DelayShift } from "./slayer/delay-shift.ts";
import { channelsOf } from "./synapse.ts";
import { quantizeBias, quantizeWeights } from "./weights.ts";

export const blockExtras = {
  reference: z
    .enum(REFERENCES)
    .optional()
    .describe("whose training arithmetic, for the block and its neuron; by default the neuron's own, which is chip"),
  delay: z.boolean().default(false).describe("each channel's spikes come later by a learned number of steps, 0 to 62"),
  delayShift: z
    .boolean()
    .optional()
    .describe("spikes come one step later, as slayer counts; by default with the reference slayer only"),
};

/** As they are written in code. */
export type BlockExtras = Partial<z.input<z.ZodObject<typeof blockExtras>>>;

interface Delayed {
  synapse: Layer;
  neuron: Layer;
  delay: boolean;
  delayShift?: boolean | undefined;
}

/** Members behind the neuron, in order. */
const DELAYS = ["shift", "delay"];

export function delayMembers({ synapse, neuron, delay, delayShift }: Delayed): Record<string, Layer> {
  return {
    ...((delayShift ?? rulesOf(neuron).delayShift) ? { shift: DelayShift() } : {}),
    ...(delay ? { delay: AxonalDelay({ channels: channelsOf(synapse) }) } : {}),
  };
}

/** Spikes `[T, N, ...]` or `[N, ...]` through the delays of a block. */
export function forwardDelays(spikes: Tensor, block: Layer, context: ForwardContext): Tensor {
  return DELAYS.reduce((sequence, name) => block.children.get(name)?.forward(sequence, context) ?? sequence, spikes);
}

export function lowerDelays(block: Layer, graph: GraphBuilder): void {
  for (const name of DELAYS) {
    const delay = block.children.get(name);
    delay?.definition.lower(delay, graph);
  }
}

/** What the members of a block with this neuron see: parameters on the grid of weights of the neuron's reference. */
export function quantizing(
  context: ForwardContext,
  neuron: Layer,
): ForwardContext & Required<Pick<ForwardContext, "quantize">> {
  const scale = scaleOf(neuron);
  const { weightMax } = rulesOf(neuron);
  return { ...context, quantize: (parameter: Tensor) => quantizeWeights(parameter, scale, weightMax) };
}

/** The same, with biases on their own grid, which is the chip's. */
export function quantizingBiases(context: ForwardContext, neuron: Layer): ForwardContext {
  const { quantize, ...rest } = quantizing(context, neuron);
  const scale = scaleOf(neuron);
  return {
    ...rest,
    quantize: (parameter, name) => (name === "bias" ? quantizeBias(parameter, scale) : quantize(parameter, name)),
  };
}
