/** Learning-rate schedules: pure functions of how far training is. They set nothing. */
import { z } from "zod";
import { positiveInteger, unreachable } from "../core/index.ts";

const warmup = {
  warmup: z.number().min(0).default(0).describe("epochs over which the rate rises linearly to its full value before the schedule begins"),
  warmupStart: z.number().positive().max(1).default(0.1).describe("fraction of the rate at which the rise begins"),
};

export const scheduleSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("constant"), ...warmup }).describe("the same rate throughout"),
  z
    .strictObject({
      kind: z.literal("step"),
      stepSize: positiveInteger.describe("epochs between two reductions"),
      gamma: z.number().positive().max(1).default(0.1).describe("factor of each reduction"),
      ...warmup,
    })
    .describe("the rate times gamma after every stepSize epochs (PyTorch's StepLR)"),
  z
    .strictObject({
      kind: z.literal("cosine"),
      tMax: z.number().positive().optional().describe("epochs from the full rate to the minimum; all that remain after the warm-up if not given"),
      minimum: z.number().min(0).default(0).describe("rate at the end"),
      ...warmup,
    })
    .describe("half a cosine from the rate to the minimum (PyTorch's CosineAnnealingLR)"),
]);
export type ScheduleConfig = z.infer<typeof scheduleSchema>;
/** A schedule as written by hand: fields with defaults may be left out. */
export type ScheduleInput = z.input<typeof scheduleSchema>;

/**
 * The learning rate at a point of training.
 * @param rate full learning rate
 * @param epoch finished epochs, 0 at the start; may have a fraction when the rate changes after every step
 * @param epochs epochs of the whole training
 */
export function learningRateAt(schedule: ScheduleInput, rate: number, epoch: number, epochs: number): number {
  const { warmup: rise = 0, warmupStart: start = 0.1 } = schedule;
  if (epoch < rise) return rate * (start + (1 - start) * (epoch / rise));
  const since = epoch - rise;
  switch (schedule.kind) {
    case "constant":
      return rate;
    case "step":
      return rate * (schedule.gamma ?? 0.1) ** Math.floor(since / schedule.stepSize);
    case "cosine": {
      const { minimum = 0 } = schedule;
      const length = schedule.tMax ?? Math.max(epochs - rise, 1);
      return minimum + ((rate - minimum) * (1 + Math.cos((Math.PI * since) / length))) / 2;
    }
    default:
      return unreachable(schedule);
  }
}
