/** The model's layers, listed. Quantizers add theirs in `src/layers.ts`. */
import { adaptiveAvgPool1dDefinition, adaptiveAvgPool2dDefinition } from "./adaptive-pool.ts";
import { batchNorm1dDefinition, batchNorm2dDefinition } from "./batch-norm.ts";
import { conv1dDefinition, conv2dDefinition, conv3dDefinition } from "./conv.ts";
import { convTranspose1dDefinition, convTranspose2dDefinition } from "./conv-transpose.ts";
import type { LayerDefinition } from "./define.ts";
import { dropoutDefinition } from "./dropout.ts";
import { flattenDefinition } from "./flatten.ts";
import { linearDefinition } from "./linear.ts";
import { neuronLayerDefinitions } from "./neuron.ts";
import { parallelNeuronDefinitions } from "./parallel-spiking.ts";
import {
  avgPool1dDefinition,
  avgPool2dDefinition,
  maxPool1dDefinition,
  maxPool2dDefinition,
  sumPool2dDefinition,
} from "./pool.ts";
import { sewBlockDefinition, spikingResBlockDefinition } from "./residual.ts";
import { sequentialDefinition } from "./sequential.ts";
import { upsampleDefinition } from "./upsample.ts";
import { votingLayerDefinition } from "./voting.ts";

export * from "./adaptive-pool.ts";
export { BATCH_NORM_KINDS, BatchNorm1d, BatchNorm2d, batchNorm2dDefinition } from "./batch-norm.ts";
export { Conv1d, Conv2d, type Conv2dOptions, Conv3d, type ConvOptions, conv2dDefinition } from "./conv.ts";
export { ConvTranspose1d, ConvTranspose2d, type ConvTransposeLayerOptions } from "./conv-transpose.ts";
export type { ForwardContext, LayerDefinition, ParameterSpec, StepMode } from "./define.ts";
export { Dropout, dropoutDefinition } from "./dropout.ts";
export { Flatten, flattenDefinition } from "./flatten.ts";
export { Layer } from "./layer.ts";
export { Linear, linearDefinition } from "./linear.ts";
export { copyLayer, mapMembers } from "./members.ts";
export * from "./neuron.ts";
export { ownNeuron } from "./own-neuron.ts";
export { MaskedPSN, PSN, SlidingPSN } from "./parallel-spiking.ts";
export {
  AvgPool1d,
  AvgPool2d,
  avgPool2dDefinition,
  MaxPool1d,
  MaxPool2d,
  maxPool2dDefinition,
  SumPool2d,
  sumPool2dDefinition,
} from "./pool.ts";
export * from "./registry.ts";
export { SEWBlock, SpikingResBlock } from "./residual.ts";
export { forwardThrough, Sequential, type SequentialOptions, sequentialDefinition } from "./sequential.ts";
export { Upsample } from "./upsample.ts";
export { VotingLayer } from "./voting.ts";

export const modelLayerDefinitions: readonly LayerDefinition[] = [
  sequentialDefinition,
  sewBlockDefinition,
  spikingResBlockDefinition,
  conv1dDefinition,
  conv2dDefinition,
  conv3dDefinition,
  convTranspose1dDefinition,
  convTranspose2dDefinition,
  linearDefinition,
  batchNorm1dDefinition,
  batchNorm2dDefinition,
  maxPool1dDefinition,
  maxPool2dDefinition,
  avgPool1dDefinition,
  avgPool2dDefinition,
  adaptiveAvgPool1dDefinition,
  adaptiveAvgPool2dDefinition,
  sumPool2dDefinition,
  upsampleDefinition,
  votingLayerDefinition,
  flattenDefinition,
  dropoutDefinition,
  ...neuronLayerDefinitions,
  ...parallelNeuronDefinitions,
];
