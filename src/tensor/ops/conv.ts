/** Convolutions over one to three spatial axes (cross-correlation, as PyTorch). The work is done channels-last. */
import { fail } from "../../core/index.ts";
import { type ActivationType, type ConvSpec, core } from "../../kernels/index.ts";
import { producedType } from "../precision.ts";
import { record } from "../tape.ts";
import { Tensor } from "../tensor.ts";
import { activationType, expectFloat, perAxis } from "./arguments.ts";
import { toDtype } from "./cast.ts";
import type { ConvOptions } from "./conv-spec.ts";
import { convSpec } from "./conv-spec.ts";
import { sumRows } from "./linear.ts";
import { pad } from "./pad.ts";
import { toChannelsLast, toPlain } from "./shape.ts";

/** x `[B,C,W]`, weight `[O, C/groups, kW]`, bias `[O]`: `[B,O,W']`. */
export function conv1d(x: Tensor, weight: Tensor, bias: Tensor | null = null, options: ConvOptions = {}): Tensor {
  return convolve("conv1d", 1, x, weight, bias, options);
}

/** x `[B,C,H,W]`, weight `[O, C/groups, kH, kW]`, bias `[O]`: `[B,O,H',W']`. */
export function conv2d(x: Tensor, weight: Tensor, bias: Tensor | null = null, options: ConvOptions = {}): Tensor {
  return convolve("conv2d", 2, x, weight, bias, options);
}

/** x `[B,C,D,H,W]`, weight `[O, C/groups, kD, kH, kW]`, bias `[O]`: `[B,O,D',H',W']`. */
export function conv3d(x: Tensor, weight: Tensor, bias: Tensor | null = null, options: ConvOptions = {}): Tensor {
  return convolve("conv3d", 3, x, weight, bias, options);
}

/** x with dilation * (kernel - 1) zeros along each spatial axis, half of them (rounded down) in front, as PyTorch's "same". */
function padSame(where: string, spatial: number, x: Tensor, weight: Tensor, options: ConvOptions): Tensor {
  const stride = perAxis(where, "stride", options.stride ?? 1, spatial, 1);
  const dilation = perAxis(where, "dilation", options.dilation ?? 1, spatial, 1);
  if (stride.some((step) => step !== 1)) {
    fail("OPTION", { where: `${where} padding`, expected: 'stride 1 with padding "same"', got: `stride ${stride}` });
  }
  const total = weight.shape.slice(2).map((size, axis) => dilation[axis]! * (size - 1));
  return pad(
    x,
    total.map((zeros) => [Math.floor(zeros / 2), Math.ceil(zeros / 2)] as const),
  );
}

function convolve(
  name: string,
  spatial: number,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  options: ConvOptions,
): Tensor {
  expectFloat(name, weight, bias);
  if (options.padding === "same") {
    const padded = padSame(name, spatial, x, weight, options);
    const out = convolve(name, spatial, padded, weight, bias, { ...options, padding: 0 });
    padded.dispose();
    return out;
  }
  const spec = convSpec(name, spatial, x, weight, bias, { ...options, padding: options.padding ?? 0 });
  const type = producedType();
  activationType(name, x);
  const typed = toDtype(x, type);
  const input = toChannelsLast(typed, spatial);
  const kernel = toPlain(weight);
  const out = Tensor.empty([spec.batch, spec.outChannels, ...spec.output], type, spatial);
  core().convForward(spec, input.buffer, kernel.buffer, bias?.buffer ?? 0, out.buffer, type);
  record(name, [input, kernel, bias], out, [input, kernel], (grad, saved, needs) =>
    convGradients(spec, spatial, type, grad, saved as [Tensor, Tensor], needs),
  );
  for (const tensor of [typed, input, kernel]) tensor.dispose();
  return out;
}

/** Gradients of input, weight and bias; those that nobody needs are not computed. */
function convGradients(
  spec: ConvSpec,
  spatial: number,
  type: ActivationType,
  grad: Tensor,
  [x, weight]: [Tensor, Tensor],
  [needsX, needsWeight, needsBias]: boolean[],
): (Tensor | null)[] {
  const gradX = needsX ? Tensor.empty(x.shape, type, spatial) : null;
  if (gradX) core().convBackwardData(spec, grad.buffer, weight.buffer, gradX.buffer, type);
  if (!needsWeight) {
    return [gradX, null, needsBias ? sumRows(grad, grad.size / spec.outChannels, spec.outChannels) : null];
  }
  const gradWeight = Tensor.empty(weight.shape);
  const gradBias = needsBias ? Tensor.empty([spec.outChannels]) : null;
  core().convBackwardWeights(spec, x.buffer, grad.buffer, gradWeight.buffer, gradBias?.buffer ?? 0, type);
  return [gradX, gradWeight, gradBias];
}
