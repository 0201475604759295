/** Export to Lynxi chips. */

export { checkOnnxFile, fixOnnxFile, type LynxiCheckOptions } from "./check-file.ts";
export { checkNetwork } from "./check-network.ts";
export type { OnnxRun } from "./collector.ts";
export { type EmulatorOptions, type EmulatorResult, emulate, type NonFinite, openEmulator } from "./emulator.ts";
export { encodeOnnx } from "./encode.ts";
export type { ExecutionMode } from "./executor.ts";
export { type GraphLayout, layoutOf } from "./layout.ts";
export { type LoweredLayer, type Lowering, type LoweringOptions, lowerGraph } from "./lower.ts";
export type { NeuronFacts } from "./lower-neuron.ts";
export { type LynxiManifest, manifestSchema, readManifest } from "./manifest.ts";
export type { OnnxModel, OnnxNode, OnnxTensor, OnnxValue } from "./onnx-model.ts";
export { type OnnxFile, type OnnxSummary, readOnnx, summarizeOnnx } from "./read.ts";
export { type RewriteOptions, type Rewritten, rewrite } from "./rewrite/index.ts";
export { checkModel, type DesignRule, designRules, type KnownFacts } from "./rules.ts";
export { type LynxiRuntime, openLynxi } from "./runtime.ts";
export { type HostArray, type OnnxSession, openSession } from "./session.ts";
export { type RunOptions, runModel, runOnnx } from "./simulate.ts";
export { createLynxiTarget, type LynxiExportOptions, type LynxiTargetParts, lowerNetwork } from "./target.ts";
export { twinOf } from "./twin.ts";
