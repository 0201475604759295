/** Convolution, pools, matrix products and batch norm of the emulator. The native core is channels-last; ONNX is not, so both sides are turned. */
import { fail, formatShape, sizeOf } from "../../../core/index.ts";
import { core, type PoolOp } from "../../../kernels/index.ts";
import { floatAttribute, intAttribute, intsAttribute, type OnnxNode, stringAttribute } from "../onnx/onnx-model.ts";
import { plain, turned } from "./emulator-order.ts";
import type { Emulate } from "./emulator-values.ts";
import { bufferOf, disposeValue, type Machine, type SharedBuffer, type Value } from "./emulator-values.ts";

type Floats = Value & { buffer: SharedBuffer };

function mismatch(node: OnnxNode, expected: string, got: string): never {
  fail("TARGET", {
    where: `emulator: ${node.op} "${node.name}"`,
    expected,
    got,
    hint: "Run the graph in float32 or as a twin instead.",
  });
}

function channelsLast(machine: Machine, x: Value): Value {
  const [rows = 1, channels = 1, ...spatial] = x.shape;
  const shape = [rows, ...spatial, channels];
  if (x.order?.channels === channels && x.order.inner === sizeOf(spatial))
    return { ...machine.view(x, shape), order: null };
  const first = plain(machine, x);
  const last = turned(machine, first, channels, sizeOf(spatial), shape);
  disposeValue(first);
  return last;
}

interface Window {
  kernel: number[];
  stride: number[];
  padding: number[];
  dilation: number[];
  input: number[];
  output: number[];
}

function windowOf(node: OnnxNode, input: number[], kernel: number[]): Window {
  const axes = input.length;
  const pads = intsAttribute(node, "pads") ?? new Array<number>(2 * axes).fill(0);
  const stride = intsAttribute(node, "strides") ?? new Array<number>(axes).fill(1);
  const dilation = intsAttribute(node, "dilations") ?? new Array<number>(axes).fill(1);
  if (stringAttribute(node, "auto_pad", "NOTSET") !== "NOTSET") mismatch(node, "explicit pads", "auto_pad");
  if (intAttribute(node, "ceil_mode", 0) === 1) mismatch(node, "explicit pads", "ceil_mode");
  const positive = [...kernel, ...stride, ...dilation].every((size) => Number.isInteger(size) && size >= 1);
  const lengths = [kernel, stride, dilation].every((sizes) => sizes.length === axes) && pads.length === 2 * axes;
  if (!positive || !lengths || pads.some((pixels) => pixels < 0)) {
    mismatch(node, `a window of ${axes} axes`, JSON.stringify({ kernel, stride, dilation, pads }));
  }
  const output = input.map(
    (size, i) => Math.floor((size + pads[i]! + pads[i + axes]! - dilation[i]! * (kernel[i]! - 1) - 1) / stride[i]!) + 1,
  );
  return { kernel, stride, padding: pads.slice(0, axes), dilation, input, output };
}

export const convolution: Emulate = (machine, node, [x, weight, bias]) => {
  const [rows = 0, channels = 0, ...input] = x!.shape;
  const [outputs = 0, perGroup = 0, ...kernel] = weight!.shape;
  const groups = intAttribute(node, "group", 1);
  const grouped = groups >= 1 && perGroup * groups === channels && outputs % groups === 0;
  if (input.length !== kernel.length || !grouped || (bias && sizeOf(bias.shape) !== outputs)) {
    mismatch(node, `weights for ${channels} channels in ${groups} groups`, formatShape(weight!.shape));
  }
  const spec = { ...windowOf(node, input, kernel), inChannels: channels, outChannels: outputs, groups };
  const last = channelsLast(machine, x!);
  const out = machine.make([rows, ...spec.output, outputs], x!.grouped);
  const batch = machine.count(x!) / sizeOf(x!.shape.slice(1));
  core().convForward({ ...spec, batch }, bufferOf(last), bufferOf(weight!), bias ? bufferOf(bias) : 0, out.buffer.id);
  return finish(last, out);
};

/** The result under its shape in ONNX; what was only needed on the way is released. */
function finish(last: Value, out: Floats): Value {
  disposeValue(last);
  const [rows, channels, spatial] = [out.shape[0]!, out.shape.at(-1)!, out.shape.slice(1, -1)];
  const order = channels === 1 || sizeOf(spatial) === 1 ? null : { channels, inner: sizeOf(spatial) };
  return { ...out, shape: [rows, channels, ...spatial], order };
}

export function window(op: PoolOp): Emulate {
  return (machine, node, [x]) => {
    const [rows = 0, channels = 0, ...input] = x!.shape;
    const kernel = intsAttribute(node, "kernel_shape") ?? mismatch(node, "kernel_shape", "none");
    const spec = windowOf(node, input, kernel);
    const countIncludePad = intAttribute(node, "count_include_pad", 0) === 1;
    const end = intsAttribute(node, "pads")?.slice(input.length);
    if (op === "avg" && countIncludePad && end?.some((pixels, axis) => pixels !== spec.padding[axis])) {
      mismatch(node, "equal pads on both sides", `pads ${spec.padding} and ${end}`);
    }
    const last = channelsLast(machine, x!);
    const out = machine.make([rows, ...spec.output, channels], x!.grouped);
    const batch = machine.count(x!) / sizeOf(x!.shape.slice(1));
    core().poolForward(op, { ...spec, batch, channels, countIncludePad, divisor: 0 }, bufferOf(last), out.buffer.id, 0);
    return finish(last, out);
  };
}

export const matMul: Emulate = (machine, node, [a, b]) => {
  const [rows = 0, depth = 0] = a!.shape;
  const [inner, columns = 0] = b!.shape;
  if (a!.shape.length !== 2 || b!.shape.length !== 2 || b!.grouped || inner !== depth) {
    mismatch(node, "a matrix times stored weights", `${formatShape(a!.shape)} and ${formatShape(b!.shape)}`);
  }
  const out = machine.make([rows, columns], a!.grouped);
  const all = machine.count(a!) / depth;
  core().matmul(false, false, all, columns, depth, bufferOf(a!), bufferOf(b!), out.buffer.id, false);
  return out;
};

export const gemm: Emulate = (machine, node, [a, weight, bias]) => {
  const [rows = 0, depth = 0] = a!.shape;
  const [columns = 0, inner] = weight!.shape;
  const plain =
    intAttribute(node, "transB", 0) === 1 &&
    intAttribute(node, "transA", 0) === 0 &&
    floatAttribute(node, "alpha", 1) === 1 &&
    floatAttribute(node, "beta", 1) === 1;
  if (!plain || inner !== depth || (bias && sizeOf(bias.shape) !== columns)) {
    mismatch(
      node,
      "x times stored weights [O,I] plus bias [O]",
      `${formatShape(a!.shape)} and ${formatShape(weight!.shape)}`,
    );
  }
  const out = machine.make([rows, columns], a!.grouped);
  const all = machine.count(a!) / depth;
  core().linearForward(all, depth, columns, bufferOf(a!), bufferOf(weight!), bias ? bufferOf(bias) : 0, out.buffer.id);
  return out;
};

export const normalize: Emulate = (machine, node, [x, weight, bias, mean, variance]) => {
  if (!weight || !bias || !mean || !variance) mismatch(node, "four stored vectors", "fewer");
  const channels = x!.shape[1]!;
  if ([weight, bias, mean, variance].some(({ shape }) => sizeOf(shape) !== channels)) {
    mismatch(node, `vectors of ${channels} channels`, "others");
  }
  const last = channelsLast(machine, x!);
  const out = machine.make(last.shape, x!.grouped);
  const [m, v, w, b] = [mean, variance, weight, bias].map(bufferOf) as [number, number, number, number];
  const epsilon = floatAttribute(node, "epsilon", 1e-5);
  const affine = machine.make([2, channels], false);
  core().batchNormInfer(channels, epsilon, m, v, w, b, affine.buffer.id);
  core().channelAffine(machine.count(x!) / channels, channels, bufferOf(last), affine.buffer.id, out.buffer.id);
  disposeValue(affine);
  return finish(last, out);
};
