/** Runs two things on the same input and finds the first difference. */
export { type ArtefactProof, verifyArtefact } from "./artefact.ts";
export { type Check, type Comparison, describeDifference, judge, type Verdict } from "./judge.ts";
export { compareLayers, type Difference, type LayerComparison } from "./layers.ts";
export { firstDifference, mergeComparisons } from "./merge.ts";
export { countOf, formatCount, formatShare } from "./numbers.ts";
export { compareRuns, confusionMatrix, type Disagreement, type RunComparison } from "./predictions.ts";
export {
  NETWORK_FILE,
  type NetworkRun,
  type Proof,
  prove,
  runNetwork,
  type SideRun,
  type VerifyOptions,
} from "./run.ts";
export {
  type JudgedComparison,
  judged,
  readVerdict,
  VERDICT_FILE,
  type VerdictDocument,
  verdictDocument,
  verdictDocumentSchema,
  writeVerdict,
} from "./verdict.ts";
