/** Transposed convolution of the emulator: the native core's gradient of a convolution by its input, with the bias added before the rounding. */
import { fail, formatShape, sizeOf } from "../../../core/index.ts";
import { core } from "../../../kernels/index.ts";
import { transposedSizes } from "../../../tensor/index.ts";
import { intAttribute, intsAttribute, type OnnxNode } from "../onnx/onnx-model.ts";
import { turned } from "./emulator-order.ts";
import type { Emulate } from "./emulator-values.ts";
import { bufferOf, disposeValue } from "./emulator-values.ts";

function windowOf(node: OnnxNode, kernel: number[]) {
  const axes = kernel.length;
  const pads = intsAttribute(node, "pads") ?? new Array<number>(2 * axes).fill(0);
  const window = {
    kernel,
    stride: intsAttribute(node, "strides") ?? new Array<number>(axes).fill(1),
    padding: pads.slice(0, axes),
    dilation: intsAttribute(node, "dilations") ?? new Array<number>(axes).fill(1),
    outputPadding: intsAttribute(node, "output_padding") ?? new Array<number>(axes).fill(0),
  };
  const whole = Object.values(window).every((sizes) => sizes.length === axes && sizes.every((size) => size >= 0));
  const steps = [...window.stride, ...window.dilation].every((size) => size >= 1);
  const even = window.padding.every((pixels, axis) => pads[axis + axes] === pixels);
  if (!whole || !steps || !even || node.attributes.output_shape) {
    fail("TARGET", {
      where: `emulator: ${node.op} "${node.name}"`,
      expected: "a window as Spikeship writes it, with equal pads on both sides",
      got: JSON.stringify({ ...window, pads }),
      hint: "Run the graph in float32 or as a twin instead.",
    });
  }
  return window;
}

export const transposedConvolution: Emulate = (machine, node, [x, weight, bias]) => {
  const [rows = 0, channels = 0, ...input] = x!.shape;
  const [inputs = 0, perGroup = 0, ...kernel] = weight!.shape;
  const groups = intAttribute(node, "group", 1);
  const outputs = perGroup * groups;
  const fits = input.length === kernel.length && inputs === channels && channels % groups === 0;
  if (!fits || (bias && sizeOf(bias.shape) !== outputs)) {
    fail("TARGET", {
      where: `emulator: ${node.op} "${node.name}"`,
      expected: `weights for ${channels} channels in ${groups} groups`,
      got: formatShape(weight!.shape),
    });
  }
  const { outputPadding, ...window } = windowOf(node, kernel);
  const sizes = transposedSizes(input, { ...window, outputPadding });
  const last = turned(machine, x!, channels, sizeOf(input), [rows, ...input, channels]);
  const out = machine.make([rows, ...sizes, outputs], x!.grouped);
  const batch = machine.count(x!) / sizeOf(x!.shape.slice(1));
  // seen as a convolution, our output is the input and our input the output
  const spec = { ...window, batch, groups, inChannels: outputs, outChannels: channels, input: sizes, output: input };
  core().convBackwardData(spec, bufferOf(last), bufferOf(weight!), out.buffer.id);
  disposeValue(last);
  if (bias) {
    const pixels = machine.count(out) / outputs;
    const shape = [pixels, outputs];
    core().binaryBroadcast("add", out.buffer.id, [outputs, 1], bufferOf(bias), [0, 1], out.buffer.id, shape);
  }
  const first = turned(machine, out, sizeOf(sizes), outputs, [rows, outputs, ...sizes]);
  disposeValue(out);
  return first;
};
