/** What a chip does to numbers, as trainable operations, and the step from a trained network to its quantized twin. */
export { Block, type BlockOptions, blockDefinition, blockScale } from "./lava/block.ts";
export type { BlockExtras } from "./lava/block-extras.ts";
export { DEFAULT_SCALE } from "./lava/calibrate.ts";
export { type ComposedWindow, composeWindows, type ImageWindow } from "./lava/fold/compose-windows.ts";
export { asCubaNeuron } from "./lava/neuron.ts";
export {
  MeanOnlyBatchNorm,
  meanOnlyBatchNormDefinition,
  WgtScaleBatchNorm,
  wgtScaleBatchNormDefinition,
} from "./lava/norm.ts";
export { isPreparedForLoihi, type LoihiPrepareOptions, prepareForLoihi, studyForLoihi } from "./lava/prepare.ts";
export type { ScaleCalibration } from "./lava/quantize-network.ts";
export { AxonalDelay, axonalDelayDefinition, DELAY_MAX } from "./lava/slayer/axonal-delay.ts";
export { DelayShift, delayShiftDefinition } from "./lava/slayer/delay-shift.ts";
export { InputBlock, inputBlockDefinition } from "./lava/slayer/input-block.ts";
export { RecurrentBlock, recurrentBlockDefinition } from "./lava/slayer/recurrent-block.ts";
export { SigmaDelta, type SigmaDeltaOptions, sigmaDeltaDefinition } from "./lava/slayer/sigma-delta.ts";
export { SigmaDeltaBlock, sigmaDeltaBlockDefinition } from "./lava/slayer/sigma-delta-block.ts";
export { BIAS_MAX, BIAS_MIN, quantizeBias, quantizeWeights, WEIGHT_MAX, WEIGHT_MIN } from "./lava/weights.ts";
export { Float16Sequential, float16SequentialDefinition } from "./lynxi/float16.ts";
export { float32Twin } from "./lynxi/float32-twin.ts";
export { foldBatchNorm } from "./lynxi/fold.ts";
export { isPreparedForLynxi, type LynxiPrepareOptions, prepareForLynxi } from "./lynxi/prepare.ts";
export {
  QUANTIZATION_FILE,
  type QuantizationReport,
  quantizationReport,
  type ReportFacts,
  writeQuantizationReport,
} from "./report.ts";
export { quantizationReportSchema, readQuantizationReport } from "./report-schema.ts";
export { accuracyStages, costSentences, formatPoints, formatSmallShare, layerLosses } from "./report-words.ts";
export { type Calibration, calibrationSamples, type FineTuneOptions, type FineTuneOutcome, fineTune } from "./run.ts";
export { measureSensitivity, type QuantizationCost, type Sensitivity, type SensitivityOptions } from "./sensitivity.ts";
export type { Change, QuantizationStudy, QuantizedLayer } from "./study.ts";
