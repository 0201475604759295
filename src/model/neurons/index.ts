/** Neurons: one definition each, read by the number, derivative, C++, chip, ONNX and documentation targets. */
export { REFERENCE_RULES, REFERENCES, type Reference, type ReferenceRules } from "./cuba-reference.ts";
export { defineNeuron, type NeuronDefinition } from "./define.ts";
export {
  type BackwardRun,
  type GivenGradients,
  type InterpretedBackward,
  type InterpretedForward,
  interpretBackward,
  interpretForward,
} from "./interpret.ts";
export { ownKernels } from "./own-kernels.ts";
export {
  isOwnNeuron,
  type NeuronKind,
  type NeuronOptions,
  neuronDefinition,
  neuronDefinitions,
  neuronKinds,
  parseNeuronOptions,
  registerNeuron,
} from "./registry.ts";
export { neuronHeader } from "./targets/header.ts";
export { equations, neuronPage } from "./targets/markdown.ts";
export { type OnnxSink, type OnnxStep, type OnnxValue, onnxStep } from "./targets/onnx.ts";
export { neuronProgram, programHeader } from "./targets/program.ts";
export {
  freezeNeuron,
  initialLearned,
  initialState,
  type NeuronVariant,
  shiftedOptions,
  surrogateThreshold,
  variantOf,
} from "./variant.ts";
export type { Reading, Words } from "./vocabulary.ts";
