/** Shapes and cost of convolutions, pools and matrix products. */
import { formatShape, sizeOf } from "../../../core/index.ts";
import { intAttribute, intsAttribute, type OnnxNode, stringAttribute } from "../onnx/onnx-model.ts";
import { broadcast, conflict, type Infer, one } from "./infer-rule.ts";

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

interface Window {
  strides: number[];
  dilations: number[];
  /** Beginning of each axis, then end of each axis. */
  pads: number[];
}

/** The attributes of a window over some axes, or why they are none. */
function windowOf(node: OnnxNode, axes: number, kernel: number[]): Window | string {
  const strides = intsAttribute(node, "strides") ?? new Array<number>(axes).fill(1);
  const dilations = intsAttribute(node, "dilations") ?? new Array<number>(axes).fill(1);
  const pads = intsAttribute(node, "pads") ?? new Array<number>(2 * axes).fill(0);
  if ([kernel.length, strides.length, dilations.length, pads.length / 2].some((length) => length !== axes))
    return `kernel, strides, dilations or pads for another number than ${axes} axes`;
  return [...kernel, ...strides, ...dilations].some((size) => size < 1)
    ? "kernel, strides or dilations below 1"
    : { strides, dilations, pads };
}

function windowed(node: OnnxNode, spatial: number[], kernel: number[]): number[] | string {
  const window = windowOf(node, spatial.length, kernel);
  if (typeof window === "string") return window;
  const { strides, dilations, pads } = window;
  const automatic = stringAttribute(node, "auto_pad", "NOTSET");
  if (automatic.startsWith("SAME")) return spatial.map((size, i) => Math.ceil(size / strides[i]!));
  const ceil = intAttribute(node, "ceil_mode", 0) === 1;
  const padded = (i: number) => (automatic === "VALID" ? 0 : pads[i]! + pads[i + spatial.length]!);
  return spatial.map((size, i) => windowSize(size, kernel[i]!, strides[i]!, dilations[i]!, padded(i), ceil));
}

export const conv: Infer = (node, [x, weight]) => {
  if (!x || !weight) return one(null);
  const group = intAttribute(node, "group", 1);
  if (x.length < 3 || weight.length !== x.length || group < 1 || weight[1]! * group !== x[1]) {
    return conflict(`input ${formatShape(x)} does not fit weights ${formatShape(weight)} in ${group} groups`);
  }
  const spatial = windowed(node, x.slice(2), weight.slice(2));
  if (typeof spatial === "string") return conflict(spatial);
  const shape = [x[0]!, weight[0]!, ...spatial];
  return { shapes: [shape], multiplyAdds: sizeOf(shape) * sizeOf(weight.slice(1)) };
};

/** size = (input - 1) * stride + dilation * (kernel - 1) + 1 + output_padding - pads, as the ONNX specification has it. */
export const convTranspose: Infer = (node, [x, weight]) => {
  if (!x || !weight) return one(null);
  const group = intAttribute(node, "group", 1);
  if (x.length < 3 || weight.length !== x.length || group < 1 || weight[0] !== x[1]) {
    return conflict(`input ${formatShape(x)} does not fit weights ${formatShape(weight)}`);
  }
  const [sizes, kernel] = [x.slice(2), weight.slice(2)];
  const window = windowOf(node, sizes.length, kernel);
  if (typeof window === "string") return conflict(window);
  const extra = intsAttribute(node, "output_padding") ?? sizes.map(() => 0);
  const automatic = stringAttribute(node, "auto_pad", "NOTSET");
  const spatial = sizes.map((size, i) => {
    const stride = window.strides[i]!;
    if (automatic.startsWith("SAME")) return size * stride;
    const pads = automatic === "VALID" ? 0 : window.pads[i]! + window.pads[i + sizes.length]!;
    return (size - 1) * stride + window.dilations[i]! * (kernel[i]! - 1) + 1 + extra[i]! - pads;
  });
  const given = intsAttribute(node, "output_shape")?.slice(-sizes.length);
  const shape = [x[0]!, weight[1]! * group, ...(given ?? spatial)];
  return { shapes: [shape], multiplyAdds: sizeOf(x) * sizeOf(weight.slice(1)) };
};

export const pool: Infer = (node, [x]) => {
  const kernel = intsAttribute(node, "kernel_shape");
  if (!x || !kernel) return one(null);
  if (x.length !== kernel.length + 2) return conflict(`input ${formatShape(x)} for a window of ${kernel.length} axes`);
  const spatial = windowed(node, x.slice(2), kernel);
  return typeof spatial === "string" ? conflict(spatial) : one([...x.slice(0, 2), ...spatial]);
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
