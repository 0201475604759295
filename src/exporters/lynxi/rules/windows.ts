/** Rules about the form of convolutions, pools and resizing. */
import { intAttribute, intsAttribute, type OnnxNode, stringAttribute, tensorNumbers } from "../onnx/onnx-model.ts";
import { SOURCES } from "./source.ts";
import type { DesignRule, RuleSubject, Violation } from "./subject.ts";

const IMAGE_RANK = 4;

function resizeForm(subject: RuleSubject): Violation[] {
  return subject.model.nodes.flatMap((node): Violation[] => {
    if (node.op !== "Resize") return [];
    const message = resizeFault(node, subject);
    if (message) return [{ place: node.name, message }];
    const aligned = stringAttribute(node, "coordinate_transformation_mode", "half_pixel") === "align_corners";
    if (stringAttribute(node, "mode", "nearest") === "linear" && aligned) return [];
    return [{ place: node.name, message: "seen only as linear with align_corners", severity: "note" }];
  });
}

function resizeFault(node: OnnxNode, { model, inference }: RuleSubject): string | null {
  const rank = inference.facts.get(node.inputs[0] ?? "")?.shape?.length;
  if (rank !== IMAGE_RANK) return `a Resize of ${rank ?? "unknown"} dimensions, seen is ${IMAGE_RANK}`;
  const mode = stringAttribute(node, "mode", "nearest");
  if (mode !== "linear" && mode !== "nearest") return `mode ${mode}`;
  const [, , scalesName = "", sizesName = ""] = node.inputs;
  const sizes = inference.facts.get(sizesName)?.constant;
  const stored = model.initializers.find(({ name }) => name === scalesName);
  if (sizesName !== "" ? !sizes : !stored && scalesName !== "") return "computed scales or sizes";
  if (mode === "linear" || !stored) return null;
  return tensorNumbers(stored).every(Number.isInteger) ? null : "nearest with scales that are no whole numbers";
}

function windowForm({ model, inference }: RuleSubject): Violation[] {
  return model.nodes.flatMap((node) => {
    const message = windowRemark(node, inference.facts.get(node.inputs[0] ?? "")?.shape?.[1]);
    return message ? [{ place: node.name, message }] : [];
  });
}

const WINDOWS: ReadonlySet<string> = new Set(["Conv", "ConvTranspose", "MaxPool", "AveragePool"]);

function windowRemark(node: OnnxNode, channels: number | undefined): string | null {
  if (!WINDOWS.has(node.op)) return null;
  const padding = stringAttribute(node, "auto_pad", "NOTSET");
  if (padding !== "NOTSET") return `auto_pad ${padding} instead of explicit pads`;
  const dilations = intsAttribute(node, "dilations") ?? [];
  if (dilations.some((step) => step !== 1)) return `dilation ${dilations.join("x")}`;
  const groups = intAttribute(node, "group", 1);
  if (groups !== 1 && groups !== channels)
    return `${groups} groups for ${channels ?? "?"} channels (neither dense nor depthwise)`;
  return null;
}

export const windowRules: readonly DesignRule[] = [
  {
    id: "LX020",
    severity: "warning",
    title: "Resize of 4 dimensions, linear or whole-number nearest, constant scales",
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
