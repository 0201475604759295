/** The encoders, listed. */
import { constantEncoder } from "./constant.ts";
import type { EncoderDefinition } from "./define.ts";
import { latencyEncoder } from "./latency.ts";
import { poissonEncoder } from "./poisson.ts";

export { ConstantEncoder } from "./constant.ts";
export { type Encoder, type EncoderDefinition, encoderFromDescription, makeEncoder } from "./define.ts";
export { LatencyEncoder, latencyTimes } from "./latency.ts";
export { PoissonEncoder } from "./poisson.ts";

export const encoderDefinitions: readonly EncoderDefinition[] = [constantEncoder, poissonEncoder, latencyEncoder];
