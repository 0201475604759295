/** Neurons: one definition each, read by the number, derivative, C++, chip, ONNX and documentation targets. */
export type { NeuronDefinition } from "./define.ts";
export {
  type NeuronKind,
  type NeuronOptions,
  neuronDefinition,
  neuronDefinitions,
  neuronKinds,
  parseNeuronOptions,
} from "./registry.ts";
export { neuronHeader } from "./targets/header.ts";
export { initialLearned, initialState, type NeuronVariant, variantOf } from "./variant.ts";
export type { Reading, Words } from "./vocabulary.ts";
