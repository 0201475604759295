/** The legal rewrites of an ONNX graph for a Lynxi chip: from any graph to one that keeps the rules as far as a rewrite can take it. */
import type { FileChange } from "../../target.ts";
import type { OnnxModel } from "../onnx/onnx-model.ts";
import { foldBatchNorms } from "./batch-norm.ts";
import { orderComparisons, turnComparisons } from "./comparisons.ts";
import type { Pass, Rewritten } from "./edit.ts";
import { foldConstants, foldFunctions } from "./fold-constants.ts";
import { liftSteps } from "./lift-steps.ts";
import { mergeTime } from "./merge-time.ts";
import { plainNames } from "./names.ts";
import { roundNumbers } from "./numbers.ts";
import { lowerOpset } from "./opset.ts";
import { explicitPads } from "./pads.ts";
import { declareOutputs, declareShapes, prune } from "./prune.ts";
import { tileRows } from "./repeat.ts";
import { dropIdleNodes, joinViews } from "./views.ts";

export { FOLDING_ALLOWANCE } from "./batch-norm.ts";
export type { Rewritten } from "./edit.ts";

/** Without both, results stay equal bit for bit in float32. */
export interface RewriteOptions {
  /** Folds batch norms and functions of stored numbers in float64. Default true. */
  foldNumbers?: boolean;
  /** Rounds stored numbers to float16. Default true. */
  roundNumbers?: boolean;
}

/** In this order: one makes room for the next. */
const STRUCTURE: readonly Pass[] = [
  plainNames,
  lowerOpset,
  foldConstants,
  dropIdleNodes,
  tileRows,
  explicitPads,
  turnComparisons,
  orderComparisons,
  liftSteps,
  mergeTime,
  joinViews,
  prune,
  declareOutputs,
];

/** A rewrite may make room for an earlier one; graphs settle after two or three rounds. */
const MOST_ROUNDS = 6;

/** The rewritten graph and every change, in the order in which they were made. A graph that keeps the rules comes back unchanged. */
export function rewrite(model: OnnxModel, options: RewriteOptions = {}): Rewritten {
  const { foldNumbers: folds = true, roundNumbers: rounds = true } = options;
  const changes: FileChange[] = [];
  let current = model;
  const apply = (passes: readonly Pass[]): number => {
    const before = changes.length;
    for (const pass of passes) {
      const result = pass(current);
      if (result.changes.length === 0) continue;
      current = result.model;
      changes.push(...result.changes);
    }
    return changes.length - before;
  };
  const passes = folds ? [foldFunctions, ...STRUCTURE, foldBatchNorms, prune] : STRUCTURE;
  for (let round = 0; round < MOST_ROUNDS && apply(passes) > 0; round++);
  if (rounds) apply([roundNumbers]);
  return { model: changes.length > 0 ? declareShapes(current) : model, changes };
}
