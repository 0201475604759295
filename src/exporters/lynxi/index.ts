/** Export to Lynxi chips. */

export type { ExecutionMode } from "./artefact/executor.ts";
export { type LynxiManifest, manifestSchema, readManifest } from "./artefact/manifest.ts";
export { type HostArray, type OnnxSession, openSession } from "./artefact/session.ts";
export type { OnnxRun } from "./emulation/collector.ts";
export {
  type EmulatorOptions,
  type EmulatorResult,
  emulate,
  type NonFinite,
  openEmulator,
} from "./emulation/emulator.ts";
export { twinOf } from "./emulation/twin.ts";
export { type LoweredLayer, type Lowering, type LoweringOptions, lowerGraph } from "./lower.ts";
export type { NeuronFacts } from "./lowering/context.ts";
export { type GraphLayout, layoutOf } from "./lowering/layout.ts";
export { encodeOnnx } from "./onnx/encode.ts";
export type { OnnxModel, OnnxNode, OnnxTensor, OnnxValue } from "./onnx/onnx-model.ts";
export { type OnnxFile, type OnnxSummary, readOnnx, summarizeOnnx } from "./read.ts";
export { type RewriteOptions, type Rewritten, rewrite } from "./rewrite/index.ts";
export { checkOnnxFile, fixOnnxFile, type LynxiCheckOptions } from "./rules/check-file.ts";
export { checkNetwork } from "./rules/check-network.ts";
export { checkModel, type DesignRule, designRules, type KnownFacts } from "./rules.ts";
export { type LynxiRuntime, openLynxi } from "./runtime.ts";
export { type RunOptions, runModel, runOnnx } from "./simulate.ts";
export { createLynxiTarget, type LynxiExportOptions, type LynxiTargetParts, lowerNetwork } from "./target.ts";
