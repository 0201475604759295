/** Transposed convolutions: the gradient of a convolution by its input, as a layer of its own (PyTorch's `conv_transpose1d` to `3d`). */
import { fail, formatShape } from "../../core/index.ts";
import { type ConvSpec, core } from "../../kernels/index.ts";
import { record } from "../tape.ts";
import { Tensor } from "../tensor.ts";
import { type PerAxis, perAxis, toFloat } from "./arguments.ts";
import { add } from "./elementwise.ts";
import { reshape, toChannelsLast, toPlain } from "./shape.ts";

export interface ConvTransposeOptions {
  stride?: PerAxis | undefined;
  /** Pixels cut off on both sides. */
  padding?: PerAxis | undefined;
  /** Pixels added behind, fewer than stride or dilation: several input sizes have the same size behind a strided convolution. */
  outputPadding?: PerAxis | undefined;
  dilation?: PerAxis | undefined;
  groups?: number | undefined;
}

/** Size behind a transposed window: (in - 1) stride - 2 padding + dilation (kernel - 1) + outputPadding + 1 along each axis. */
export function transposedSizes(
  input: readonly number[],
  window: Readonly<Record<"kernel" | "stride" | "padding" | "dilation" | "outputPadding", readonly number[]>>,
): number[] {
  return input.map(
    (size, axis) =>
      (size - 1) * window.stride[axis]! -
      2 * window.padding[axis]! +
      window.dilation[axis]! * (window.kernel[axis]! - 1) +
      window.outputPadding[axis]! +
      1,
  );
}

/** x `[B, I, spatial...]`, weight `[I, O/groups, k...]`, bias `[O]`: `[B, O, spatial'...]` with one to three spatial axes. */
export function convTranspose(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options: ConvTransposeOptions = {},
): Tensor {
  x = toFloat("convTranspose", x);
  const spec = specOf(x, weight, bias, options);
  const spatial = spec.input.length;
  const input = toChannelsLast(x, spatial);
  const kernel = toPlain(weight);
  const out = Tensor.empty([spec.batch, spec.inChannels, ...spec.input], "float32", spatial);
  core().convBackwardData(spec, input.buffer, kernel.buffer, out.buffer);
  record("convTranspose", [input, kernel], out, [input, kernel], (grad, saved, needs) =>
    gradients(spec, grad, saved as [Tensor, Tensor], needs),
  );
  input.dispose();
  kernel.dispose();
  return bias ? add(out, reshape(bias, [spec.inChannels, ...spec.input.map(() => 1)])) : out;
}

/** The convolution whose gradient this is: its input is our output, its output channels are our input's. */
function specOf(x: Tensor, weight: Tensor, bias: Tensor | null, options: ConvTransposeOptions): ConvSpec {
  const where = "convTranspose";
  const groups = perAxis(where, "groups", options.groups ?? 1, 1, 1)[0]!;
  const [batch = 0, channels = 0, ...size] = x.shape;
  const [inputs = 0, perGroup = 0, ...kernel] = weight.shape;
  const outputs = perGroup * groups;
  const fits =
    size.length >= 1 &&
    size.length <= 3 &&
    kernel.length === size.length &&
    inputs === channels &&
    channels % groups === 0 &&
    (!bias || (bias.shape.length === 1 && bias.shape[0] === outputs));
  if (!fits) {
    fail("SHAPE", {
      where,
      expected: "input [B,I,...], weight [I,O/groups,k...], bias [O], groups that divide I",
      got: `${formatShape(x.shape)}, ${formatShape(weight.shape)}, ${bias ? formatShape(bias.shape) : "no bias"}, groups ${groups}`,
      hint: "Check the layer before it.",
    });
  }
  const axes = size.length;
  const stride = perAxis(where, "stride", options.stride ?? 1, axes, 1);
  const padding = perAxis(where, "padding", options.padding ?? 0, axes, 0);
  const dilation = perAxis(where, "dilation", options.dilation ?? 1, axes, 1);
  const outputPadding = perAxis(where, "outputPadding", options.outputPadding ?? 0, axes, 0);
  if (outputPadding.some((pixels, axis) => pixels >= Math.max(stride[axis]!, dilation[axis]!))) {
    const expected = "outputPadding below stride or dilation";
    fail("OPTION", { where, expected, got: formatShape(outputPadding) });
  }
  const grown = transposedSizes(size, { kernel, stride, padding, dilation, outputPadding });
  if (grown.some((pixels) => pixels < 1)) {
    fail("SHAPE", { where, expected: "an output of at least one pixel", got: formatShape(grown) });
  }
  return {
    batch,
    inChannels: outputs,
    outChannels: channels,
    groups,
    input: grown,
    kernel,
    stride,
    padding,
    dilation,
    output: size,
  };
}

function gradients(
  spec: ConvSpec,
  grad: Tensor,
  [x, weight]: [Tensor, Tensor],
  [needsX, needsWeight]: boolean[],
): (Tensor | null)[] {
  const gradX = needsX ? Tensor.empty(x.shape, "float32", x.spatial) : null;
  if (gradX) core().convForward(spec, grad.buffer, weight.buffer, 0, gradX.buffer);
  const gradWeight = needsWeight ? Tensor.empty(weight.shape) : null;
  if (gradWeight) core().convBackwardWeights(spec, grad.buffer, x.buffer, gradWeight.buffer, 0);
  return [gradX, gradWeight];
}
