/** Lava DL's axonal delay: every channel's spikes arrive some whole steps later, by a delay that is learned or fixed. */
import { z } from "zod";
import { fail, formatShape, positiveInteger, type Shape } from "../../../core/index.ts";
import { type GraphBuilder, type Layer, type LayerDefinition, layerFactory } from "../../../model/index.ts";
import { assign, clamp, concat, delaySteps, noGrad, slice, type Tensor } from "../../../tensor/index.ts";

/** What the chip's buffers hold (netx clips to it). */
export const DELAY_MAX = 62;

const options = z.strictObject({
  channels: positiveInteger.describe("channels [C] of the input [C,...]; each has a delay of its own"),
  maxDelay: z.int().min(0).max(DELAY_MAX).default(DELAY_MAX).describe("largest delay in steps"),
  initial: z
    .number()
    .min(0)
    .max(DELAY_MAX)
    .optional()
    .describe("delay of every channel before training; drawn from [0, 1) when it is not given"),
  learned: z.boolean().default(true).describe("training changes the delays"),
});
type AxonalDelayOptions = z.infer<typeof options>;

/**
 * x `[T, N, C, ...]` with channel c delayed by `trunc(delay[c])` steps. Parameter `delay` `[C]` in steps, clamped to [0, maxDelay] at every
 * call; its gradient is that of `delaySteps`. Spikes that are still under way when a call ends arrive in the next one, until `resetNet`.
 * Source: Lava DL, slayer/axon/delay.
 */
export const axonalDelayDefinition: LayerDefinition<AxonalDelayOptions, z.input<typeof options>> = {
  kind: "AxonalDelay",
  summary: "delays the spikes of each channel by whole steps",
  options,
  sees: "sequence",
  rounds: false,
  shape: expectChannels,
  parameters: ({ channels, initial, learned }) => ({
    delay: {
      shape: [channels],
      init: initial === undefined ? { range: [0, 1] } : { value: initial },
      buffer: !learned,
    },
  }),
  forward(x, layer) {
    const delay = layer.tensor("delay");
    assign(
      delay,
      noGrad(() => clamp(delay, 0, layer.options.maxDelay)),
    );
    const whole = delayStepsOf(layer);
    return continued(x, layer, Math.max(...whole), (sequence) => delaySteps(sequence, delay, whole));
  },
  lower: lowerDelay,
};

function expectChannels(input: Shape, { channels }: AxonalDelayOptions, where: string): Shape {
  if (input[0] === channels) return input;
  return fail("SHAPE", {
    where,
    expected: `input with ${channels} channels`,
    got: `${input[0]} (input ${formatShape(input)})`,
    hint: "Check the option channels.",
  });
}

/** Whole delays of each channel as they act, in steps. */
export function delayStepsOf(layer: Layer<AxonalDelayOptions>): number[] {
  const { maxDelay } = layer.options;
  return Array.from(layer.tensor("delay").toArray(), (delay) => Math.trunc(Math.min(maxDelay, Math.max(0, delay))));
}

/** Runs a delay of at most `reach` steps over x `[T, N, ...]` behind the last steps of the call before. */
export function continued(x: Tensor, layer: Layer, reach: number, delay: (sequence: Tensor) => Tensor): Tensor {
  const before = layer.state.get("history");
  const sequence = before ? concat([before, x], 0) : x;
  const steps = sequence.shape[0]!;
  if (reach > 0) layer.remember("history", slice(sequence, 0, Math.max(0, steps - reach), steps));
  const delayed = delay(sequence);
  return before ? slice(delayed, 0, steps - x.shape[0]!) : delayed;
}

/** A graph node where a channel is delayed at all; one number where all are equal, else one for each channel. */
function lowerDelay(layer: Layer<AxonalDelayOptions>, graph: GraphBuilder): void {
  const channels = delayStepsOf(layer);
  const steps = Math.max(...channels);
  if (steps === 0) return;
  const facts = { source: layer.path, shape: graph.current.shape, steps };
  graph.add("delay", channels.every((delay) => delay === steps) ? facts : { ...facts, channels });
}

export const AxonalDelay = layerFactory(axonalDelayDefinition);
