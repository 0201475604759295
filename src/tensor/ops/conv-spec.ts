/** The shapes of a convolution as the native core wants them. */
import { fail, formatShape } from "../../core/index.ts";
import type { ConvSpec } from "../../kernels/index.ts";
import type { Tensor } from "../tensor.ts";
import { type PerAxis, perAxis } from "./arguments.ts";
import { windowSizes } from "./window.ts";

export interface ConvOptions {
  stride?: PerAxis | undefined;
  /** Zeros added on both sides; "same": as many as keep the size (stride 1), an odd one behind. Other paddings: `pad()` first. */
  padding?: PerAxis | "same" | undefined;
  dilation?: PerAxis | undefined;
  groups?: number | undefined;
}

export type FixedPadding = Omit<ConvOptions, "padding"> & { padding: PerAxis };

/** Throws a SHAPE error where input, weight, bias and groups do not fit together. */
export function convSpec(
  where: string,
  spatial: number,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  options: FixedPadding,
) {
  const groups = perAxis(where, "groups", options.groups ?? 1, 1, 1)[0]!;
  const [batch = 0, inChannels = 0, ...input] = x.shape;
  const [outChannels = 0, groupChannels = 0, ...kernel] = weight.shape;
  const fits =
    x.shape.length === spatial + 2 &&
    weight.shape.length === spatial + 2 &&
    inChannels === groupChannels * groups &&
    outChannels % groups === 0 &&
    (!bias || (bias.shape.length === 1 && bias.shape[0] === outChannels));
  if (!fits) {
    const axes = ["W", "H,W", "D,H,W"][spatial - 1]!;
    fail("SHAPE", {
      where,
      expected: `input [B,C,${axes}], weight [O,C/groups,k...], bias [O], groups that divide C and O`,
      got: `${formatShape(x.shape)}, ${formatShape(weight.shape)}, ${bias ? formatShape(bias.shape) : "no bias"}, groups ${groups}`,
      hint: "Check the layer before it.",
    });
  }
  const stride = perAxis(where, "stride", options.stride ?? 1, spatial, 1);
  const padding = perAxis(where, "padding", options.padding, spatial, 0);
  const dilation = perAxis(where, "dilation", options.dilation ?? 1, spatial, 1);
  const output = windowSizes(where, input, { kernel, stride, padding, dilation, ceilMode: false });
  return {
    batch,
    inChannels,
    outChannels,
    groups,
    input,
    kernel,
    stride,
    padding,
    dilation,
    output,
  } satisfies ConvSpec;
}
