/** ONNX operators as PyTorch expressions: those that the lowering writes. Same arithmetic, same order of operands. */
import { fail } from "../../../core/index.ts";
import {
  floatAttribute,
  intAttribute,
  intsAttribute,
  type OnnxModel,
  type OnnxNode,
  tensorNumbers,
} from "../onnx/onnx-model.ts";
import { type PythonNames, tuple } from "./python-names.ts";

export interface Expression {
  node: OnnxNode;
  /** The operands, as Python expressions. */
  inputs: readonly string[];
  names: PythonNames;
  /** Shape of a value of the graph. */
  shapeOf(value: string): readonly number[];
}

type Translate = (expression: Expression) => string;

const between =
  (operator: string): Translate =>
  ({ inputs: [a, b] }) =>
    `${a} ${operator} ${b}`;
const call =
  (name: string): Translate =>
  ({ inputs }) =>
    `${name}(${inputs.join(", ")})`;

export const PYTHON_OPERATORS: Readonly<Record<string, Translate>> = {
  Add: between("+"),
  Sub: between("-"),
  Mul: between("*"),
  Div: between("/"),
  GreaterOrEqual: between(">="),
  Greater: between(">"),
  LessOrEqual: between("<="),
  Less: between("<"),
  Not: call("torch.logical_not"),
  Exp: call("torch.exp"),
  Sigmoid: call("torch.sigmoid"),
  Tanh: call("torch.tanh"),
  Relu: call("torch.relu"),
  Abs: call("torch.abs"),
  Sqrt: call("torch.sqrt"),
  Where: call("torch.where"),
  Neg: ({ inputs: [x] }) => `-${x}`,
  Pow: between("**"),
  Cast: ({ inputs: [x] }) => `${x}.float()`,
  Identity: ({ inputs: [x] }) => `${x}`,
  Reshape: ({ node, inputs: [x], shapeOf }) => `${x}.reshape(${shapeOf(node.outputs[0]!).join(", ")})`,
  Flatten: ({ node, inputs: [x], shapeOf }) => `${x}.reshape(${shapeOf(node.outputs[0]!).join(", ")})`,
  Concat: ({ node, inputs }) => `torch.cat((${inputs.join(", ")}), dim=${intAttribute(node, "axis", 0)})`,
  Slice: sliced,
  MatMul: call("torch.matmul"),
  Gemm: gemm,
  Conv: convolution,
  ConvTranspose: transposedConvolution,
  MaxPool: (expression) => windowed("max_pool", expression),
  AveragePool: (expression) => windowed("avg_pool", expression),
  GlobalAveragePool: ({ node, inputs: [x], shapeOf }) =>
    `${x}.mean(dim=${tuple(spatialAxes(shapeOf(node.inputs[0]!)))}, keepdim=True)`,
  ReduceMean: (expression) => reduced("mean", expression),
  ReduceSum: (expression) => reduced("sum", expression),
  BatchNormalization: ({ node, inputs: [x, weight, bias, mean, variance] }) =>
    `functional.batch_norm(${x}, ${mean}, ${variance}, ${weight}, ${bias}, False, 0.0, ${floatAttribute(node, "epsilon", 1e-5)})`,
};

/** The expression of a node. @throws TARGET for an operator outside the table. */
export function expressionOf(node: OnnxNode, names: PythonNames, shapeOf: Expression["shapeOf"]): string {
  const translate = PYTHON_OPERATORS[node.op];
  if (!translate) {
    fail("TARGET", {
      where: `PyTorch module: node "${node.name}"`,
      expected: `one of ${Object.keys(PYTHON_OPERATORS).join(", ")}`,
      got: node.op,
      hint: "Write the single step as an ONNX graph instead.",
    });
  }
  const inputs = node.inputs.filter((name) => name !== "").map((name) => names.read(name));
  return translate({ node, inputs, names, shapeOf });
}

/** Shapes of a model's values, all of which the builder knows. */
export function shapesOf(model: OnnxModel): Expression["shapeOf"] {
  const shapes = new Map(
    [...model.inputs, ...model.outputs, ...model.values].map(({ name, shape }) => [name, (shape ?? []).map(Number)]),
  );
  for (const { name, shape } of model.initializers) shapes.set(name, shape);
  return (value) =>
    shapes.get(value) ?? fail("STATE", { where: value, expected: "a value of known shape", got: "none" });
}

const spatialAxes = (shape: readonly number[]): number[] => shape.slice(2).map((_, axis) => axis + 2);

function refuseForm(node: OnnxNode, expected: string): never {
  fail("TARGET", {
    where: `PyTorch module: node "${node.name}"`,
    expected,
    got: "another form",
    hint: "Write the single step as an ONNX graph instead.",
  });
}

/** The numbers of a stored operand: bounds, shapes. */
function numbersOf({ node, names }: Expression, index: number): number[] | null {
  const tensor = names.stored.get(node.inputs[index] ?? "");
  return tensor ? tensorNumbers(tensor) : null;
}

function sliced(expression: Expression): string {
  const { inputs } = expression;
  const [starts, ends, axes, steps] = [1, 2, 3, 4].map((index) => numbersOf(expression, index));
  const [axis = 0] = axes ?? [];
  if (starts?.length !== 1 || ends?.length !== 1 || axis < 0 || (steps && steps[0] !== 1))
    refuseForm(expression.node, "a slice along one axis with stored bounds");
  return `${inputs[0]}[${":, ".repeat(axis)}${starts[0]}:${ends[0]}]`;
}

function gemm({ node, inputs: [x, weight, bias] }: Expression): string {
  const plain = floatAttribute(node, "alpha", 1) === 1 && floatAttribute(node, "beta", 1) === 1;
  if (!plain || intAttribute(node, "transA", 0) !== 0) refuseForm(node, "a Gemm that is a linear layer");
  const turned = intAttribute(node, "transB", 0) === 1 ? weight : `${weight}.t()`;
  return `functional.linear(${[x, turned, bias].filter(Boolean).join(", ")})`;
}

/** Padding at the start and the end of each spatial axis. */
function padsOf(node: OnnxNode, axes: number): { start: number[]; end: number[] } {
  const pads = intsAttribute(node, "pads") ?? new Array<number>(2 * axes).fill(0);
  return { start: pads.slice(0, axes), end: pads.slice(axes) };
}

/** The input with what no layer can pad by itself: more at the end than at the start. */
function padded(x: string, { start, end }: { start: number[]; end: number[] }): { x: string; padding: number[] } {
  if (start.every((pixels, axis) => pixels === end[axis])) return { x, padding: start };
  const pairs = start.map((pixels, axis) => [pixels, end[axis]!]).toReversed();
  return { x: `functional.pad(${x}, ${tuple(pairs.flat())})`, padding: start.map(() => 0) };
}

function convolution({ node, inputs: [given, ...weights], shapeOf }: Expression): string {
  const axes = shapeOf(node.inputs[1]!).length - 2;
  const ones = new Array<number>(axes).fill(1);
  const { x, padding } = padded(given!, padsOf(node, axes));
  const options = [
    `stride=${tuple(intsAttribute(node, "strides") ?? ones)}`,
    `padding=${tuple(padding)}`,
    `dilation=${tuple(intsAttribute(node, "dilations") ?? ones)}`,
    `groups=${intAttribute(node, "group", 1)}`,
  ];
  return `functional.conv${axes}d(${[x, ...weights, ...options].join(", ")})`;
}

function transposedConvolution({ node, inputs, shapeOf }: Expression): string {
  const axes = shapeOf(node.inputs[1]!).length - 2;
  const [ones, zeros] = [new Array<number>(axes).fill(1), new Array<number>(axes).fill(0)];
  const { start, end } = padsOf(node, axes);
  if (start.some((pixels, axis) => pixels !== end[axis])) refuseForm(node, "the same padding at both ends");
  const options = [
    `stride=${tuple(intsAttribute(node, "strides") ?? ones)}`,
    `padding=${tuple(start)}`,
    `output_padding=${tuple(intsAttribute(node, "output_padding") ?? zeros)}`,
    `groups=${intAttribute(node, "group", 1)}`,
    `dilation=${tuple(intsAttribute(node, "dilations") ?? ones)}`,
  ];
  return `functional.conv_transpose${axes}d(${[...inputs, ...options].join(", ")})`;
}

/** More padding at the end than at the start is how the lowering writes PyTorch's ceil mode. */
function windowed(kind: "max_pool" | "avg_pool", { node, inputs: [x] }: Expression): string {
  const kernel = intsAttribute(node, "kernel_shape") ?? refuseForm(node, "a pool with its window");
  const { start, end } = padsOf(node, kernel.length);
  const options = [
    tuple(kernel),
    `stride=${tuple(intsAttribute(node, "strides") ?? kernel.map(() => 1))}`,
    `padding=${tuple(start)}`,
    ...(kind === "max_pool" ? [`dilation=${tuple(intsAttribute(node, "dilations") ?? kernel.map(() => 1))}`] : []),
    ...(start.some((pixels, axis) => pixels !== end[axis]) ? ["ceil_mode=True"] : []),
    ...(kind === "avg_pool"
      ? [`count_include_pad=${intAttribute(node, "count_include_pad", 0) ? "True" : "False"}`]
      : []),
  ];
  return `functional.${kind}${kernel.length}d(${[x, ...options].join(", ")})`;
}

function reduced(word: "mean" | "sum", { node, inputs: [x] }: Expression): string {
  const axes = intsAttribute(node, "axes") ?? refuseForm(node, "axes as an attribute");
  return `${x}.${word}(dim=${tuple(axes)}, keepdim=${intAttribute(node, "keepdims", 1) ? "True" : "False"})`;
}
