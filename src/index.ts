/** The public API of Spikeship, and the one place where registries are put together. */
import { layerRegistry, modelLayerDefinitions } from "./model/index.ts";
import { blockDefinition, float16SequentialDefinition } from "./quantize/index.ts";

export * from "./core/index.ts";
export * from "./data/index.ts";
export { deploymentTargets, targetById } from "./exporters/index.ts";
export type * from "./exporters/target.ts";
export * from "./model/index.ts";
export * from "./quantize/index.ts";
export { backward, keep, memoryStats, noGrad, scope, Tensor } from "./tensor/index.ts";
export * from "./train/index.ts";

/** Every layer a network description may name. */
export const layers = layerRegistry(modelLayerDefinitions, [blockDefinition, float16SequentialDefinition]);
