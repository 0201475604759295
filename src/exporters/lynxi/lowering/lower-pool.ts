/** Pools as ONNX operators: max and average as they are, sum as a depthwise convolution, ceil mode as explicit padding at the end. */
import { sizeOf } from "../../../core/index.ts";
import type { PoolNode, VotingNode } from "../../../model/index.ts";
import type { BuiltValue, OnnxBuilder } from "../onnx/onnx-builder.ts";
import { int, ints } from "../onnx/onnx-model.ts";
import type { Flow, LoweringContext, Refusal } from "./context.ts";

/** Pixels that a window in ceil mode reaches beyond the padded input, for each axis. */
function overhang(node: PoolNode, inputShape: readonly number[]): number[] {
  return node.kernelSize.map((kernel, axis) => {
    const reach = (node.shape[axis + 1]! - 1) * node.stride[axis]! + (kernel - 1) * node.dilation[axis]! + 1;
    return Math.max(0, reach - inputShape[axis + 1]! - 2 * node.padding[axis]!);
  });
}

export function poolRefusal(node: PoolNode, inputShape: readonly number[]): Refusal | null {
  if (node.operation !== "avg") return null;
  if (node.dilation.some((step) => step !== 1)) {
    return {
      rule: "LX029",
      expected: "an average pool without dilation",
      got: `dilation ${node.dilation}`,
      hint: "Use a convolution.",
    };
  }
  // PyTorch divides such a window by the part inside the padded input; ONNX knows no such count
  if (node.countIncludePad && overhang(node, inputShape).some((pixels) => pixels > 0)) {
    return {
      rule: "LX029",
      expected: "windows inside the padded input",
      got: "ceilMode with windows that reach beyond it",
      hint: "Set ceilMode: false or countIncludePad: false.",
    };
  }
  return null;
}

export function windowPool(node: PoolNode, x: Flow, { builder }: LoweringContext): BuiltValue {
  const beyond = overhang(node, x.shape);
  const average = node.operation === "avg";
  return builder.node(
    average ? "AveragePool" : "MaxPool",
    node.id,
    [x.value],
    { shape: [x.value.shape[0]!, ...node.shape] },
    {
      kernel_shape: ints(node.kernelSize),
      pads: ints([...node.padding, ...node.padding.map((pixels, axis) => pixels + beyond[axis]!)]),
      strides: ints(node.stride),
      ...(average ? { count_include_pad: int(node.countIncludePad ? 1 : 0) } : { dilations: ints(node.dilation) }),
    },
  );
}

/** A sum pool is a depthwise convolution with ones: exact, and rounded once (an average pool times k*k would round twice). */
export function sumPool(node: PoolNode, x: Flow, { builder }: LoweringContext): BuiltValue {
  const channels = x.shape[0]!;
  const shape = [channels, 1, ...node.kernelSize];
  const ones = builder.floats(`${node.id}.ones`, shape, new Float32Array(sizeOf(shape)).fill(1), node.source);
  const beyond = overhang(node, x.shape);
  return builder.node(
    "Conv",
    node.id,
    [x.value, ones],
    { shape: [x.value.shape[0]!, ...node.shape] },
    {
      dilations: ints(node.dilation),
      group: int(channels),
      kernel_shape: ints(node.kernelSize),
      pads: ints([...node.padding, ...node.padding.map((pixels, axis) => pixels + beyond[axis]!)]),
      strides: ints(node.stride),
    },
  );
}

/** Votes are an average pool over the features, seen as a sequence of one channel. */
export function votes(node: VotingNode, x: Flow, builder: OnnxBuilder): BuiltValue {
  const [rows = 0, features = 0] = x.value.shape;
  const line = builder.reshape(`${node.id}.line`, x.value, [rows, 1, features]);
  const means = builder.node(
    "AveragePool",
    `${node.id}.means`,
    [line],
    { shape: [rows, 1, features / node.size] },
    { kernel_shape: ints([node.size]), pads: ints([0, 0]), strides: ints([node.size]), count_include_pad: int(0) },
  );
  return builder.reshape(node.id, means, [rows, features / node.size]);
}
