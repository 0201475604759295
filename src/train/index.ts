/** Training: config, losses, optimizers, the loop in a directory, evaluation. */
export * from "./clip.ts";
export * from "./config.ts";
export * from "./evaluate.ts";
export * from "./fit.ts";
export * from "./losses.ts";
export * from "./optimizers.ts";
export * from "./run.ts";
export * from "./schedules.ts";
export type { EpochRecord, EpochSums, TrainingState } from "./state.ts";
export * from "./training-run.ts";
