/** Writes auto_pad of convolutions and pools as explicit pads. Serves LX029. */
import type { FileChange } from "../../target.ts";
import { ints, intsAttribute, type OnnxNode, stringAttribute } from "../onnx/onnx-model.ts";
import { inferValues } from "../shapes/infer.ts";
import { exact, type Pass } from "./edit.ts";

const WINDOWS: ReadonlySet<string> = new Set(["Conv", "MaxPool", "AveragePool"]);

export const explicitPads: Pass = (model) => {
  const { facts } = inferValues(model);
  const changes: FileChange[] = [];
  const nodes = model.nodes.map((node) => {
    const mode = stringAttribute(node, "auto_pad", "NOTSET");
    const [x, weight] = node.inputs.map((name) => facts.get(name)?.shape);
    const kernel = intsAttribute(node, "kernel_shape") ?? (node.op === "Conv" ? weight?.slice(2) : null);
    if (!WINDOWS.has(node.op) || node.domain !== "" || mode === "NOTSET" || !x || !kernel) return node;
    const pads = mode === "VALID" ? kernel.flatMap(() => [0, 0]) : samePads(node, x.slice(2), kernel, mode);
    if (pads.length !== 2 * (x.length - 2) || !pads.every((pixels) => Number.isSafeInteger(pixels))) return node;
    const { auto_pad: _removed, ...attributes } = node.attributes;
    changes.push(exact("LX029", node.name, `auto_pad ${mode} written as pads [${pads}]`));
    return { ...node, attributes: { ...attributes, pads: ints(pads) } };
  });
  return { model: { ...model, nodes }, changes };
};

/** SAME: the output has ceil(size / stride) pixels; an odd pixel goes to the end (UPPER) or to the beginning (LOWER). */
function samePads(node: OnnxNode, sizes: number[], kernel: number[], mode: string): number[] {
  const strides = intsAttribute(node, "strides") ?? sizes.map(() => 1);
  const dilations = intsAttribute(node, "dilations") ?? sizes.map(() => 1);
  const totals = sizes.map((size, axis) => {
    const covered =
      (Math.ceil(size / strides[axis]!) - 1) * strides[axis]! + dilations[axis]! * (kernel[axis]! - 1) + 1;
    return Math.max(0, covered - size);
  });
  const small = totals.map((total) => Math.floor(total / 2));
  const large = totals.map((total) => Math.ceil(total / 2));
  return mode === "SAME_LOWER" ? [...large, ...small] : [...small, ...large];
}
