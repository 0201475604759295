/** Rules about which operators appear, and in which form. */
import { intAttribute, intsAttribute, type OnnxNode, stringAttribute } from "../onnx-model.ts";
import { OPERATORS } from "../operators.ts";
import type { DesignRule, RuleSubject, Violation } from "../rules.ts";
import { SOURCES } from "./source.ts";

function operatorWithoutEvidence({ model }: RuleSubject): Violation[] {
  return model.nodes.flatMap(({ name, op, domain }): Violation[] => {
    if (domain !== "") return [];
    const facts = OPERATORS[op];
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
  return model.nodes
    .filter(({ domain }) => domain !== "")
    .map(({ name, op, domain }) => ({ place: name, message: `${op} of domain "${domain}"` }));
}

function shapePlumbing({ model }: RuleSubject): Violation[] {
  const makers = new Map(model.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  return model.nodes.flatMap((node): Violation[] => {
    if (OPERATORS[node.op]?.evidence === "B")
      return [{ place: node.name, message: `${node.op} only moves shapes about` }];
    const before = makers.get(node.inputs[0] ?? "");
    if (node.op !== "Reshape" || before?.op !== "Reshape") return [];
    return [{ place: node.name, message: `a Reshape behind the Reshape "${before.name}"` }];
  });
}

function unfoldedBatchNorm({ model }: RuleSubject): Violation[] {
  const weighted = new Set(["Conv", "ConvTranspose", "Gemm", "MatMul"]);
  const makers = new Map(model.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  return model.nodes.flatMap((node): Violation[] => {
    const before = makers.get(node.inputs[0] ?? "");
    if (node.op !== "BatchNormalization" || !weighted.has(before?.op ?? "")) return [];
    return [{ place: node.name, message: `a batch norm behind ${before?.op} "${before?.name}" rounds once more` }];
  });
}

function trainingOperator({ model }: RuleSubject): Violation[] {
  return model.nodes.flatMap((node): Violation[] => {
    const random = /^(Random|Bernoulli|Multinomial)/.test(node.op);
    const dropout = node.op === "Dropout" && (node.inputs[2] ?? "") !== "";
    const norm = node.op === "BatchNormalization" && intAttribute(node, "training_mode", 0) === 1;
    if (!random && !dropout && !norm) return [];
    return [{ place: node.name, message: `${node.op}${random ? "" : " in training mode"}` }];
  });
}

function resizeForm({ model, inference }: RuleSubject): Violation[] {
  return model.nodes
    .filter(({ op }) => op === "Resize")
    .flatMap((node): Violation[] => {
      const rank = inference.facts.get(node.inputs[0] ?? "")?.shape?.length;
      const linear = stringAttribute(node, "mode", "nearest") === "linear";
      const aligned = stringAttribute(node, "coordinate_transformation_mode", "half_pixel") === "align_corners";
      if (rank === LINEAR_RANK && linear && aligned) return [];
      return [{ place: node.name, message: "Resize in another form than 4-D, linear, align_corners" }];
    });
}
const LINEAR_RANK = 4;

function windowForm({ model, inference }: RuleSubject): Violation[] {
  return model.nodes.flatMap((node) => {
    const message = windowRemark(node, inference.facts.get(node.inputs[0] ?? "")?.shape?.[1]);
    return message ? [{ place: node.name, message }] : [];
  });
}

function windowRemark(node: OnnxNode, channels: number | undefined): string | null {
  if (!["Conv", "MaxPool", "AveragePool"].includes(node.op)) return null;
  const padding = stringAttribute(node, "auto_pad", "NOTSET");
  if (padding !== "NOTSET") return `auto_pad ${padding} instead of explicit pads`;
  const dilations = intsAttribute(node, "dilations") ?? [];
  if (dilations.some((step) => step !== 1)) return `dilation ${dilations.join("x")}`;
  const groups = intAttribute(node, "group", 1);
  if (groups !== 1 && groups !== channels)
    return `${groups} groups for ${channels ?? "?"} channels (neither dense nor depthwise)`;
  return null;
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
    rewrite: "Expand it to standard operators.",
    check: foreignDomain,
  },
  {
    id: "LX006",
    severity: "warning",
    title: "shape arithmetic is folded away",
    source: `${SOURCES.exchange}; measured on torch.onnx.export`,
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
  {
    id: "LX019",
    severity: "error",
    title: "no training-only or random operators",
    source: `${SOURCES.tutorial}; ${SOURCES.documents}`,
    rewrite: "Export in evaluation mode; encoders run on the host.",
    check: trainingOperator,
  },
  {
    id: "LX020",
    severity: "warning",
    title: "Resize in a form that was seen",
    source: `${SOURCES.zoo}; ${SOURCES.yolo}`,
    rewrite: "Use linear with align_corners on 4-D, or ConvTranspose.",
    check: resizeForm,
  },
  {
    id: "LX029",
    severity: "note",
    title: "plain windows: explicit pads, no dilation, dense or depthwise",
    source: `${SOURCES.bidl}; ${SOURCES.zoo}`,
    rewrite: "Write explicit pads; avoid dilation and other groups where you can.",
    check: windowForm,
  },
];
