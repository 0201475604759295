/** Learning-rate schedules: pure functions of how far training is. They set nothing. */
import { z } from "zod";
import { positiveInteger, unreachable } from "../core/index.ts";

const warmup = {
  warmup: z
    .number()
    .min(0)
    .optional()
    .describe("epochs in which the rate rises linearly before the schedule begins (0)"),
  warmupStart: z.number().positive().max(1).optional().describe("fraction of the rate at which the rise begins (0.1)"),
};

export const scheduleSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("constant"), ...warmup }).describe("the same rate throughout"),
  z
    .strictObject({
      kind: z.literal("step"),
      stepSize: positiveInteger.describe("epochs between two reductions"),
      gamma: z.number().positive().max(1).optional().describe("factor of each reduction (0.1)"),
      ...warmup,
    })
    .describe("the rate times gamma after every stepSize epochs (PyTorch's StepLR)"),
  z
    .strictObject({
      kind: z.literal("cosine"),
      tMax: z
        .number()
        .positive()
        .optional()
        .describe("epochs from the full rate to the minimum (all after the warm-up)"),
      minimum: z.number().min(0).optional().describe("rate at the end (0)"),
      ...warmup,
    })
    .describe("half a cosine from the rate to the minimum (PyTorch's CosineAnnealingLR)"),
]);
export type ScheduleConfig = z.infer<typeof scheduleSchema>;

/**
 * The learning rate at a point of training.
 * @param rate full learning rate
 * @param epoch finished epochs, 0 at the start; may have a fraction when the rate changes after every step
 * @param epochs epochs of the whole training
 */
export function learningRateAt(schedule: ScheduleConfig, rate: number, epoch: number, epochs: number): number {
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
