/**
 * Convolution over the inputs that are not zero, for sequences of spikes. Not recorded: for simulation, where every sum is a whole number and any
 * order of adding gives the same one.
 */
import { core } from "../../kernels/index.ts";
import { Tensor } from "../tensor.ts";
import { expectFloat } from "./arguments.ts";
import type { ConvOptions } from "./conv-spec.ts";
import { convSpec, type FixedPadding } from "./conv-spec.ts";
import { toChannelsLast, toPlain } from "./shape.ts";

/**
 * `conv2d` (without groups) of an input `[B,C,H,W]` of which at most the share `mostEvents` is not zero; null where it is more. Gives what `conv2d`
 * gives up to the order of additions.
 */
export function conv2dEvents(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  options: Omit<ConvOptions, "padding" | "groups"> & Pick<FixedPadding, "padding">,
  mostEvents: number,
): Tensor | null {
  expectFloat("conv2dEvents", x, weight, bias);
  const spec = convSpec("conv2dEvents", 2, x, weight, bias, options);
  const [input, kernel] = [toChannelsLast(x, 2), toPlain(weight)];
  const out = Tensor.empty([spec.batch, spec.outChannels, ...spec.output], "float32", 2);
  const done = core().convEvents(spec, input.buffer, kernel.buffer, bias?.buffer ?? 0, out.buffer, mostEvents);
  for (const tensor of [input, kernel]) tensor.dispose();
  if (done) return out;
  out.dispose();
  return null;
}
