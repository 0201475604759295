/**
 * Each operator that the lowering writes, on the native core. Sums inside Conv, MatMul, Gemm, means and pools stay wide (float32) and are
 * rounded once by the emulator; comparisons are exact. Results are new references that the caller owns.
 */
import { fail, formatShape, sameShape, sizeOf } from "../../../core/index.ts";
import { type BinaryOp, core } from "../../../kernels/index.ts";
import { ELEMENT_TYPES, intAttribute, intsAttribute, type OnnxNode } from "../onnx/onnx-model.ts";
import { convolution, gemm, matMul, normalize, window } from "./emulator-dense.ts";
import { transposedConvolution } from "./emulator-transposed.ts";
import type { Emulate } from "./emulator-values.ts";
import { bufferOf, disposeValue, type Value } from "./emulator-values.ts";

const FLOAT_BYTES = 4;

/** Refuses a form of an operator that the lowering never writes. */
function unsupported(node: OnnxNode, got: string): never {
  fail("TARGET", {
    where: `emulator: ${node.op} "${node.name}"`,
    expected: "an operator as Spikeship writes it",
    got,
    hint: "Run the graph in float32 or as a twin instead.",
  });
}

function broadcastShape(node: OnnxNode, a: number[], b: number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const [left, right] = [a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1];
    if (left !== right && left !== 1 && right !== 1)
      unsupported(node, `shapes ${formatShape(a)} and ${formatShape(b)}`);
    return Math.max(left, right);
  });
}

/** Element strides that broadcast `value` to `shape` behind a leading axis of groups; 0 along repeated axes. */
function strides(value: Value, shape: readonly number[]): number[] {
  const own = value.shape;
  const result: number[] = [];
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = own[axis - shape.length + own.length] ?? 1;
    result.unshift(size === 1 ? 0 : step);
    step *= size;
  }
  return [value.grouped ? sizeOf(own) : 0, ...result];
}

/** a op b with NumPy broadcasting. */
function binary(op: BinaryOp): Emulate {
  return (machine, node, [a, b]) => {
    if (!a || !b) unsupported(node, "a missing input");
    const shape = broadcastShape(node, a.shape, b.shape);
    const out = machine.make(shape, a.grouped || b.grouped);
    const count = machine.count(out);
    const same = a.grouped === b.grouped && sizeOf(a.shape) === sizeOf(shape) && sizeOf(b.shape) === sizeOf(shape);
    if (b.numbers?.length === 1) core().binaryScalar(op, bufferOf(a), b.numbers[0]!, false, out.buffer.id, count);
    else if (a.numbers?.length === 1) core().binaryScalar(op, bufferOf(b), a.numbers[0]!, true, out.buffer.id, count);
    else if (same) core().binary(op, bufferOf(a), bufferOf(b), out.buffer.id, count);
    else {
      const full = [out.grouped ? machine.groups : 1, ...shape];
      core().binaryBroadcast(op, bufferOf(a), strides(a, shape), bufferOf(b), strides(b, shape), out.buffer.id, full);
    }
    return { ...out, binary: staysBinary(op, a, b) };
  };
}

/** Comparisons, 1 - s, and products of two such values give only 0 and 1. */
function staysBinary(op: BinaryOp, a: Value, b: Value): boolean {
  if (op === "greaterEqual" || op === "greater") return true;
  const one = a.numbers?.length === 1 && a.numbers[0] === 1;
  return (op === "sub" && one && b.binary === true) || (op === "mul" && a.binary === true && b.binary === true);
}

const swapped =
  (emulate: Emulate): Emulate =>
  (machine, node, [a, b]) =>
    emulate(machine, node, [b!, a!]);

const not: Emulate = (machine, _node, [x]) => {
  const out = machine.make(x!.shape, x!.grouped);
  core().binaryScalar("sub", bufferOf(x!), 1, true, out.buffer.id, machine.count(out));
  return { ...out, binary: true };
};

/** A function of one value, element by element. */
const unary =
  (op: "exp" | "relu"): Emulate =>
  (machine, _node, [x]) => {
    const out = machine.make(x!.shape, x!.grouped);
    core().unary(op, bufferOf(x!), out.buffer.id, machine.count(out));
    return out;
  };

const cast: Emulate = (machine, node, [x]) => {
  const to = intAttribute(node, "to", 0);
  if (to === ELEMENT_TYPES.float32) return machine.view(x!, x!.shape);
  if (to !== ELEMENT_TYPES.float16) unsupported(node, `a Cast to type ${to}`);
  const out = machine.make(x!.shape, x!.grouped);
  core().unary("roundFloat16", bufferOf(x!), out.buffer.id, machine.count(out));
  return out;
};

const reshape: Emulate = (machine, node, [x, target]) => {
  const sizes = target?.numbers?.map((size, axis) => (size === 0 ? (x!.shape[axis] ?? 0) : size));
  if (!sizes) unsupported(node, "a computed shape");
  const rest = sizes.filter((size) => size !== -1).reduce((product, size) => product * size, 1);
  const shape = sizes.map((size) => (size === -1 ? sizeOf(x!.shape) / rest : size));
  if (sizeOf(shape) !== sizeOf(x!.shape)) unsupported(node, `${formatShape(x!.shape)} to [${target!.numbers}]`);
  return machine.view(x!, shape);
};

const flatten: Emulate = (machine, node, [x]) => {
  const axis = intAttribute(node, "axis", 1);
  return machine.view(x!, [sizeOf(x!.shape.slice(0, axis)), sizeOf(x!.shape.slice(axis))]);
};

/** Rows of the first axis, one step apart. */
const slice: Emulate = (machine, node, [x, starts, ends, axes, steps]) => {
  const [start, end] = [starts?.numbers?.[0], ends?.numbers?.[0]];
  const firstAxis = starts?.numbers?.length === 1 && (axes?.numbers?.[0] ?? 0) === 0;
  if (start === undefined || end === undefined || !firstAxis || (steps?.numbers?.[0] ?? 1) !== 1) {
    unsupported(node, "another slice than constant rows of the first axis");
  }
  const rows = x!.shape[0]!;
  const [from, to] = [start, end].map((at) => Math.min(at < 0 ? at + rows : at, rows)) as [number, number];
  const out = machine.make([to - from, ...x!.shape.slice(1)], x!.grouped);
  const rowBytes = sizeOf(x!.shape.slice(1)) * FLOAT_BYTES;
  const [block, stride] = [(to - from) * rowBytes, rows * rowBytes];
  core().copyStrided(
    x!.grouped ? machine.groups : 1,
    block,
    bufferOf(x!),
    from * rowBytes,
    stride,
    out.buffer.id,
    0,
    block,
  );
  return out;
};

const concat: Emulate = (machine, node, inputs) => {
  if (intAttribute(node, "axis", 0) !== 0) unsupported(node, "a Concat along another axis than the first");
  const grouped = inputs.some((input) => input.grouped);
  const rest = inputs[0]!.shape.slice(1);
  if (inputs.some(({ shape }) => !sameShape(shape.slice(1), rest))) unsupported(node, "parts of different shapes");
  const rows = inputs.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const out = machine.make([rows, ...rest], grouped);
  const parts = grouped ? inputs.map((input) => machine.spread(input)) : inputs;
  const stride = sizeOf(out.shape) * FLOAT_BYTES;
  let at = 0;
  for (const part of parts) {
    const block = sizeOf(part.shape) * FLOAT_BYTES;
    core().copyStrided(grouped ? machine.groups : 1, block, bufferOf(part), 0, block, out.buffer.id, at, stride);
    at += block;
  }
  if (grouped) parts.forEach(disposeValue);
  return out;
};

const tile: Emulate = (machine, node, [x, repeats]) => {
  const [times = 1, ...others] = repeats?.numbers ?? unsupported(node, "computed repeats");
  if (others.some((other) => other !== 1)) unsupported(node, "a Tile along another axis than the first");
  const out = machine.make([x!.shape[0]! * times, ...x!.shape.slice(1)], x!.grouped);
  const block = sizeOf(x!.shape) * FLOAT_BYTES;
  const groups = x!.grouped ? machine.groups : 1;
  for (let copy = 0; copy < times; copy++) {
    core().copyStrided(groups, block, bufferOf(x!), 0, block, out.buffer.id, copy * block, times * block);
  }
  return out;
};

const mean: Emulate = (machine, node, [x]) => {
  const axes = intsAttribute(node, "axes");
  if (axes?.length !== 1 || axes[0] !== 0) unsupported(node, "a mean over another axis than the first");
  const inner = x!.shape.slice(1);
  const out = machine.make(intAttribute(node, "keepdims", 1) === 1 ? [1, ...inner] : inner, x!.grouped);
  core().reduce("mean", bufferOf(x!), x!.grouped ? machine.groups : 1, x!.shape[0]!, sizeOf(inner), out.buffer.id);
  return out;
};

export const EMULATED: Readonly<Record<string, Emulate>> = {
  Add: binary("add"),
  Sub: binary("sub"),
  Mul: binary("mul"),
  Div: binary("div"),
  GreaterOrEqual: binary("greaterEqual"),
  Greater: binary("greater"),
  LessOrEqual: swapped(binary("greaterEqual")),
  Less: swapped(binary("greater")),
  Not: not,
  Cast: cast,
  Reshape: reshape,
  Flatten: flatten,
  Slice: slice,
  Concat: concat,
  Tile: tile,
  ReduceMean: mean,
  Exp: unary("exp"),
  Relu: unary("relu"),
  Conv: convolution,
  ConvTranspose: transposedConvolution,
  MatMul: matMul,
  Gemm: gemm,
  MaxPool: window("max"),
  AveragePool: window("avg"),
  BatchNormalization: normalize,
};
