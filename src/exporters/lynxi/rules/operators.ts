/** Rules about which operators appear. */
import { intAttribute } from "../onnx/onnx-model.ts";
import { operatorFacts } from "../onnx/operators.ts";
import { SOURCES } from "./source.ts";
import type { DesignRule, RuleSubject, Violation } from "./subject.ts";

function operatorWithoutEvidence({ model }: RuleSubject): Violation[] {
  return model.nodes.flatMap(({ name, op, domain }): Violation[] => {
    if (domain !== "") return [];
    const facts = operatorFacts(op);
    const rewrite = facts?.rewrite ? ` ${facts.rewrite}` : "";
    if (!facts) return [{ place: name, message: `${op} was never seen in a graph for this chip` }];
    if (facts.evidence === "X")
      return [{ place: name, message: `${op} fails or falls back to the host processor.${rewrite}` }];
    if (facts.evidence === "C") {
      return [{ place: name, message: `${op} has only third-party or indirect evidence`, severity: "warning" }];
    }
    return [];
  });
}

function foreignDomain({ model }: RuleSubject): Violation[] {
  const nodes = model.nodes
    .filter(({ domain }) => domain !== "")
    .map(({ name, op, domain }) => ({ place: name, message: `${op} of domain "${domain}"` }));
  const used = new Set(model.nodes.map(({ domain }) => domain));
  const imports = model.domains
    .filter(({ domain }) => !used.has(domain))
    .map(({ domain }): Violation => ({ place: "file", message: `unused import of "${domain}"`, severity: "note" }));
  return [...nodes, ...imports];
}

function trainingOperator({ model, inference }: RuleSubject): Violation[] {
  return model.nodes.flatMap((node): Violation[] => {
    const random = /^(Random|Bernoulli|Multinomial)/.test(node.op);
    const mode = node.op === "Dropout" ? (node.inputs[2] ?? "") : "";
    const dropout = mode !== "" && inference.facts.get(mode)?.constant?.[0] !== 0;
    const norm = node.op === "BatchNormalization" && intAttribute(node, "training_mode", 0) === 1;
    if (!random && !dropout && !norm) return [];
    return [{ place: node.name, message: `${node.op}${random ? "" : " in training mode"}` }];
  });
}

export const operatorRules: readonly DesignRule[] = [
  {
    id: "LX004",
    severity: "error",
    title: "only operators that were seen on the chip",
    source: `${SOURCES.tutorial}; ${SOURCES.bidl}; ${SOURCES.zoo}; ${SOURCES.yolo}`,
    rewrite: "Write it with Conv, Gemm, pools and elementwise operators.",
    check: operatorWithoutEvidence,
  },
  {
    id: "LX005",
    severity: "error",
    title: "operators of the default domain only",
    source: `${SOURCES.bidl} (custom operators are registered for the PyTorch reader alone)`,
    rewrite: "Expand it to standard operators; for load and save use the PyTorch form of the single-step style.",
    check: foreignDomain,
  },
  {
    id: "LX019",
    severity: "error",
    title: "no training-only or random operators",
    source: `${SOURCES.tutorial}; ${SOURCES.documents}`,
    rewrite: "Export in evaluation mode; encoders run on the host.",
    check: trainingOperator,
  },
];
