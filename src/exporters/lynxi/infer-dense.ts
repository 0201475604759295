/** Shapes and cost of convolutions, pools and matrix products. */
import { formatShape, sizeOf } from "../../core/index.ts";
import { broadcast, conflict, type Infer, one } from "./infer-rule.ts";
import { intAttribute, intsAttribute, type OnnxNode, stringAttribute } from "./onnx-model.ts";

/** Output size along one axis of a window operator. */
function windowSize(
  input: number,
  kernel: number,
  stride: number,
  dilation: number,
  pads: number,
  ceil: boolean,
): number {
  const span = (input + pads - dilation * (kernel - 1) - 1) / stride;
  return (ceil ? Math.ceil(span) : Math.floor(span)) + 1;
}

function windowed(node: OnnxNode, spatial: number[], kernel: number[]): number[] | null {
  if (stringAttribute(node, "auto_pad", "NOTSET") !== "NOTSET") return null;
  const axes = spatial.length;
  const strides = intsAttribute(node, "strides") ?? new Array<number>(axes).fill(1);
  const dilations = intsAttribute(node, "dilations") ?? new Array<number>(axes).fill(1);
  const pads = intsAttribute(node, "pads") ?? new Array<number>(2 * axes).fill(0);
  const ceil = intAttribute(node, "ceil_mode", 0) === 1;
  return spatial.map((size, i) =>
    windowSize(size, kernel[i]!, strides[i]!, dilations[i]!, pads[i]! + pads[i + axes]!, ceil),
  );
}

export const conv: Infer = (node, [x, weight]) => {
  if (!x || !weight) return one(null);
  const group = intAttribute(node, "group", 1);
  if (x.length < 3 || weight.length !== x.length || weight[1]! * group !== x[1]) {
    return conflict(`input ${formatShape(x)} does not fit weights ${formatShape(weight)} in ${group} groups`);
  }
  const spatial = windowed(node, x.slice(2), weight.slice(2));
  if (!spatial) return one(null);
  const shape = [x[0]!, weight[0]!, ...spatial];
  return { shapes: [shape], multiplyAdds: sizeOf(shape) * sizeOf(weight.slice(1)) };
};

export const pool: Infer = (node, [x]) => {
  const kernel = intsAttribute(node, "kernel_shape");
  if (!x || !kernel) return one(null);
  if (x.length !== kernel.length + 2) return conflict(`input ${formatShape(x)} for a window of ${kernel.length} axes`);
  const spatial = windowed(node, x.slice(2), kernel);
  return one(spatial && [...x.slice(0, 2), ...spatial]);
};

export const gemm: Infer = (node, [a, b]) => {
  if (!a || !b) return one(null);
  if (a.length !== 2 || b.length !== 2)
    return conflict(`matrices expected, got ${formatShape(a)} and ${formatShape(b)}`);
  const [rows, depth] = intAttribute(node, "transA", 0) ? a.toReversed() : a;
  const [inner, columns] = intAttribute(node, "transB", 0) ? b.toReversed() : b;
  if (depth !== inner) return conflict(`inner sizes ${depth} and ${inner} differ`);
  return { shapes: [[rows!, columns!]], multiplyAdds: rows! * columns! * depth! };
};

export const matMul: Infer = (_node, [a, b]) => {
  if (!a || !b || a.length < 2 || b.length < 2) return one(null);
  if (a.at(-1) !== b.at(-2)) return conflict(`inner sizes ${a.at(-1)} and ${b.at(-2)} differ`);
  const leading = broadcast({} as OnnxNode, [a.slice(0, -2), b.slice(0, -2)], []).shapes?.[0];
  if (!leading) return conflict(`leading axes of ${formatShape(a)} and ${formatShape(b)} do not broadcast`);
  const shape = [...leading, a.at(-2)!, b.at(-1)!];
  return { shapes: [shape], multiplyAdds: sizeOf(shape) * a.at(-1)! };
};

export const globalPool: Infer = (_node, [x]) => one(x?.map((size, axis) => (axis < 2 ? size : 1)));
