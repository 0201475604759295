/** The model's layers, listed. Quantizers add theirs in `src/layers.ts`. */
import { batchNorm2dDefinition } from "./batch-norm.ts";
import { conv2dDefinition } from "./conv2d.ts";
import type { LayerDefinition } from "./define.ts";
import { dropoutDefinition } from "./dropout.ts";
import { flattenDefinition } from "./flatten.ts";
import { linearDefinition } from "./linear.ts";
import { neuronLayerDefinitions } from "./neuron.ts";
import { avgPool2dDefinition, maxPool2dDefinition, sumPool2dDefinition } from "./pool2d.ts";
import { sequentialDefinition } from "./sequential.ts";

export { BatchNorm2d, batchNorm2dDefinition } from "./batch-norm.ts";
export { Conv2d, type Conv2dOptions, conv2dDefinition } from "./conv2d.ts";
export type { ForwardContext, LayerDefinition, ParameterSpec, StepMode } from "./define.ts";
export { Dropout, dropoutDefinition } from "./dropout.ts";
export { Flatten, flattenDefinition } from "./flatten.ts";
export { Layer } from "./layer.ts";
export { Linear, linearDefinition } from "./linear.ts";
export { copyLayer, mapMembers } from "./members.ts";
export * from "./neuron.ts";
export {
  AvgPool2d,
  avgPool2dDefinition,
  MaxPool2d,
  maxPool2dDefinition,
  SumPool2d,
  sumPool2dDefinition,
} from "./pool2d.ts";
export * from "./registry.ts";
export { forwardThrough, Sequential, type SequentialOptions, sequentialDefinition } from "./sequential.ts";

export const modelLayerDefinitions: readonly LayerDefinition[] = [
  sequentialDefinition,
  conv2dDefinition,
  linearDefinition,
  batchNorm2dDefinition,
  maxPool2dDefinition,
  avgPool2dDefinition,
  sumPool2dDefinition,
  flattenDefinition,
  dropoutDefinition,
  ...neuronLayerDefinitions,
];
