/**
 * Design rules over a `.net` file, whoever wrote it: what Lava's loader refuses, drops or gets wrong, and what the chip cannot hold though
 * the simulation can. One named function each. That a file is whole and consistent is checked when it is read; what concerns a run (resets,
 * width of messages) is judged by `run-rules.ts`; capacities of cores and chips by the mapping.
 */
import { biasAlignment, biasRange, currentOverflow, resetOffset, voltageOverflow } from "./biases.ts";
import type { NetRule } from "./judge.ts";
import {
  blockingRules,
  inputTransform,
  loadable,
  longDelays,
  poolGeometry,
  poolWeight,
  strangers,
  unknownMembers,
} from "./layers.ts";
import {
  adaptiveResonators,
  cutThreshold,
  decayRange,
  gradedSpikes,
  normExponent,
  normExponentClamp,
  resonatorDecays,
  resonatorRange,
  thresholdEpsilon,
  thresholdRange,
  unreadMembers,
} from "./neurons.ts";
import {
  clampedWeights,
  densePrecision,
  denseRange,
  weightExponent,
  weightGrid,
  weightRange,
  wholeNumbers,
} from "./weights.ts";

export type { NetRule } from "./judge.ts";

export const netRules: readonly NetRule[] = [
  loadable,
  ...blockingRules,
  wholeNumbers,
  weightGrid,
  weightRange,
  clampedWeights,
  densePrecision,
  denseRange,
  weightExponent,
  thresholdRange,
  cutThreshold,
  thresholdEpsilon,
  decayRange,
  normExponent,
  normExponentClamp,
  gradedSpikes,
  unreadMembers,
  resonatorDecays,
  resonatorRange,
  adaptiveResonators,
  biasRange,
  biasAlignment,
  resetOffset,
  longDelays,
  inputTransform,
  poolGeometry,
  poolWeight,
  unknownMembers,
  strangers,
  currentOverflow,
  voltageOverflow,
];
