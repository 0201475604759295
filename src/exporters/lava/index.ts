/** Export to Intel Loihi. */

export { type LoihiManifest, manifestSchema, readManifest } from "./artefact/manifest.ts";
export { type RecordedLayer, recordStates } from "./emulation/record-states.ts";
export { simulateReference } from "./emulation/simulate-reference.ts";
export type * from "./emulation/simulation.ts";
export { type FixedNet, fixNet } from "./file-rules/fix-net.ts";
export { type LoweredLayer, lowerToNet, type NetLowering } from "./lower.ts";
export type * from "./net/net-file.ts";
export { readNet } from "./read.ts";
export { checkGraph, checkNet } from "./rules.ts";
export { type LoihiRuntime, openLoihi } from "./runtime.ts";
export { simulate } from "./simulate.ts";
export { createLoihiTarget, type LoihiTargetParts } from "./target.ts";
export { encodeNet, writeNet } from "./write.ts";
