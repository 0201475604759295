/** Rounds every stored float32 number to float16, once and last. Serves LX011. */
import type { FileChange } from "../../target.ts";
import { roundArray } from "../emulation/float16.ts";
import type { OnnxAttribute, OnnxNode, OnnxTensor } from "../onnx/onnx-model.ts";
import type { Pass } from "./edit.ts";

/** Numbers that float16 cannot hold at all stay as they are, and LX012 names them. */
export const roundNumbers: Pass = (model) => {
  const changes: FileChange[] = [];
  const rounded = (tensor: OnnxTensor, name = tensor.name): OnnxTensor => {
    if (!(tensor.data instanceof Float32Array) || tensor.external) return tensor;
    const { data, change } = roundArray(tensor.data);
    if (change.count === 0 || change.overflowed > 0) return tensor;
    changes.push({
      rule: "LX011",
      place: name,
      what: `rounded to float16${change.flushed > 0 ? `, ${change.flushed} to zero` : ""}`,
      exact: false,
      allowance: "results move as the chip would move them: it computes with these numbers",
      count: change.count,
      largestChange: change.largestChange,
    });
    return { ...tensor, data };
  };
  const nodes = model.nodes.map((node): OnnxNode => {
    const tensors = Object.entries(node.attributes).map(([key, attribute]): [string, OnnxAttribute] => {
      if (attribute.kind !== "tensor") return [key, attribute];
      return [key, { kind: "tensor", value: rounded(attribute.value, node.outputs[0]) }];
    });
    return { ...node, attributes: Object.fromEntries(tensors) };
  });
  return { model: { ...model, nodes, initializers: model.initializers.map((tensor) => rounded(tensor)) }, changes };
};
