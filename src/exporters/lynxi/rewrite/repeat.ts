/**
 * Writes repeats as a Tile along the first axis, which was seen on the chip: Expand becomes Tile, and an image that is given a new axis of T steps is
 * repeated as rows instead, [N,...] to [T*N,...]. Serves LX006, and LX001 where the new axis was the fifth.
 */
import type { FileChange } from "../../target.ts";
import type { OnnxNode, OnnxTensor } from "../onnx/onnx-model.ts";
import { inferValues } from "../shapes/infer.ts";
import { exact, int64Tensor, Names, type Pass } from "./edit.ts";

const LARGEST_RANK = 4;

export const tileRows: Pass = (model) => {
  const { facts } = inferValues(model);
  const names = new Names(model);
  const changes: FileChange[] = [];
  const initializers: OnnxTensor[] = [...model.initializers];
  const store = (stem: string, numbers: readonly number[]): string => {
    const tensor = int64Tensor(names.fresh(stem), numbers);
    initializers.push(tensor);
    return tensor.name;
  };
  const nodes = model.nodes.flatMap((node): OnnxNode[] => {
    const [before, after] = [node.inputs[0], node.outputs[0]].map((name) => facts.get(name ?? "")?.shape);
    if ((node.op !== "Expand" && node.op !== "Tile") || node.domain !== "" || !before || !after) return [node];
    const [input = "", output = ""] = [node.inputs[0], node.outputs[0]];
    const aligned = [...after.slice(before.length).map(() => 1), ...before];
    const times = after.map((size, axis) => size / aligned[axis]!);
    const newAxis = aligned[0] === 1 && times.slice(1).every((count) => count === 1);
    const tooDeep = after.length > LARGEST_RANK || after.length > before.length;
    if (newAxis && tooDeep && after.length > 1 && times.every(Number.isInteger)) {
      const rest = after.slice(1);
      const [image, rows] = [names.fresh(`${output}.image`), names.fresh(`${output}.rows`)];
      const reshape = { ...node, op: "Reshape", attributes: {} };
      changes.push(
        exact(
          node.op === "Tile" ? "LX001" : "LX006",
          node.name,
          `repeat along a new axis written as Tile of rows, ${times[0]} times`,
        ),
      );
      return [
        { ...reshape, name: `${node.name}.image`, inputs: [input, store(`${image}.shape`, rest)], outputs: [image] },
        {
          ...node,
          op: "Tile",
          inputs: [image, store(`${rows}.repeats`, [times[0]!, ...rest.slice(1).map(() => 1)])],
          outputs: [rows],
          attributes: {},
        },
        { ...reshape, name: `${node.name}.view`, inputs: [rows, store(`${output}.shape`, after)] },
      ];
    }
    if (node.op === "Tile" || before.length !== after.length || !times.every(Number.isInteger)) return [node];
    changes.push(exact("LX006", node.name, `Expand written as Tile [${times}]`));
    return [{ ...node, op: "Tile", inputs: [input, store(`${output}.repeats`, times)], attributes: {} }];
  });
  return { model: { ...model, nodes, initializers }, changes };
};
