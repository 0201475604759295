/**
 * Design rules over a network, before training and before export: one named function each, every one looks at a single property. They
 * find; they change nothing.
 */
import type { GraphRule } from "./judge.ts";
import {
  decayRange,
  normExponent,
  registerOverflow,
  sigmaDeltaMessages,
  sigmaDeltaRange,
  sigmaDeltaScale,
  thresholdEpsilon,
  thresholdGrid,
  thresholdRange,
} from "./neurons.ts";
import {
  inputTransform,
  knownNeuron,
  messageWidth,
  poolLowering,
  sigmaDeltaOrder,
  spikeInput,
  structure,
} from "./structure.ts";
import {
  biasAlignment,
  biasPlace,
  biasRange,
  delayRange,
  earlySpikesKept,
  frameAlignment,
  outputDelay,
  resetInterval,
  resetReach,
  sigmaDeltaBias,
} from "./time.ts";
import { densePrecision, scalePowerOfTwo, weightGrid, weightRange } from "./weights.ts";

export type { GraphRule } from "./judge.ts";

export const graphRules: readonly GraphRule[] = [
  structure,
  spikeInput,
  inputTransform,
  knownNeuron,
  sigmaDeltaOrder,
  messageWidth,
  scalePowerOfTwo,
  sigmaDeltaScale,
  weightGrid,
  weightRange,
  thresholdGrid,
  thresholdRange,
  thresholdEpsilon,
  decayRange,
  normExponent,
  biasPlace,
  biasRange,
  biasAlignment,
  sigmaDeltaBias,
  earlySpikesKept,
  delayRange,
  outputDelay,
  poolLowering,
  densePrecision,
  registerOverflow,
  sigmaDeltaRange,
  sigmaDeltaMessages,
  resetInterval,
  resetReach,
  frameAlignment,
];
