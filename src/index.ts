/** The public API of Spikeship. */
export * from "./core/index.ts";
export * from "./data/index.ts";
export { deploymentTargets, targetById } from "./exporters/index.ts";
export type * from "./exporters/target.ts";
export { layers } from "./layers.ts";
export * from "./model/index.ts";
export * from "./quantize/index.ts";
export { backward, keep, memoryStats, noGrad, scope, Tensor } from "./tensor/index.ts";
export * from "./train/index.ts";
