/** A network as one time-step, states kept between calls: as an ONNX graph, and as a PyTorch module. */
export type { LoweredState, Readout, StepFacts } from "./facts.ts";
export { fusedPotentials } from "./fused-neuron.ts";
export { lowerStep, type StateAxes } from "./lower-step.ts";
export { MODULE_FILE, WEIGHTS_FILE } from "./module-frame.ts";
export { isStepLayout, runSteps } from "./run-steps.ts";
export { type TorchModule, torchModule } from "./torch-module.ts";
