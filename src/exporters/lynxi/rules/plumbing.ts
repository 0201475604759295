/** Rules about what should have been folded away: shape arithmetic and batch norms. */
import { operatorFacts } from "../onnx/operators.ts";
import { SOURCES } from "./source.ts";
import { type DesignRule, makersOf, type RuleSubject, type Violation } from "./subject.ts";

function shapePlumbing({ model }: RuleSubject): Violation[] {
  const makers = makersOf(model);
  return model.nodes.flatMap((node): Violation[] => {
    if (operatorFacts(node.op)?.evidence === "B")
      return [{ place: node.name, message: `${node.op} only moves shapes about` }];
    const before = makers.get(node.inputs[0] ?? "");
    if (node.op !== "Reshape" || (before?.op !== "Reshape" && before?.op !== "Flatten")) return [];
    return [{ place: node.name, message: `a Reshape behind the ${before.op} "${before.name}"` }];
  });
}

const WEIGHTED: ReadonlySet<string> = new Set(["Conv", "ConvTranspose", "Gemm", "MatMul"]);

function unfoldedBatchNorm({ model }: RuleSubject): Violation[] {
  const makers = makersOf(model);
  return model.nodes.flatMap((node): Violation[] => {
    const before = makers.get(node.inputs[0] ?? "");
    if (node.op !== "BatchNormalization" || !WEIGHTED.has(before?.op ?? "")) return [];
    return [{ place: node.name, message: `a batch norm behind ${before?.op} "${before?.name}" rounds once more` }];
  });
}

export const plumbingRules: readonly DesignRule[] = [
  {
    id: "LX006",
    severity: "warning",
    title: "shape arithmetic is folded away",
    source: `${SOURCES.exchange}; ${SOURCES.measured} on torch.onnx.export`,
    rewrite: "Fold it; repeat an image with Tile or Concat.",
    check: shapePlumbing,
  },
  {
    id: "LX018",
    severity: "warning",
    title: "batch norms are folded",
    source: SOURCES.tutorial,
    rewrite: "Fold it in float64 into the weights before it, then round.",
    check: unfoldedBatchNorm,
  },
];
