/** Pooling over one to three spatial axes: largest value, mean or sum of a window. The work is done channels-last. */
import { fail, formatShape } from "../../core/index.ts";
import { core, type PoolOp, type PoolSpec } from "../../kernels/index.ts";
import { record, willRecord } from "../tape.ts";
import { Tensor } from "../tensor.ts";
import { activationType, type PerAxis, perAxis } from "./arguments.ts";
import { toChannelsLast } from "./shape.ts";
import { windowSizes } from "./window.ts";

export interface PoolOptions {
  kernelSize: PerAxis;
  /** Default: the kernel size. */
  stride?: PerAxis | undefined;
  /** At most half the kernel size. Never the winner of a maximum; zeros in a mean or sum. */
  padding?: PerAxis | undefined;
  dilation?: PerAxis | undefined;
  /** Round output sizes up instead of down. */
  ceilMode?: boolean | undefined;
}

export interface AvgPoolOptions extends PoolOptions {
  /** Count padded zeros in the mean (default true). */
  countIncludePad?: boolean | undefined;
  /** Divide by this instead of the number of elements. */
  divisorOverride?: number | undefined;
}

/** x `[B, C, spatial...]`: the largest value of each window `[B, C, spatial'...]`; the first in row-major order wins a tie. */
export function maxPool(x: Tensor, options: PoolOptions): Tensor {
  return pool("max", x, options);
}

/** x `[B, C, spatial...]`: the mean of each window `[B, C, spatial'...]`. */
export function avgPool(x: Tensor, options: AvgPoolOptions): Tensor {
  return pool("avg", x, options);
}

/** x `[B, C, spatial...]`: the sum of each window `[B, C, spatial'...]`. */
export function sumPool(x: Tensor, options: PoolOptions): Tensor {
  return pool("sum", x, options);
}

function poolSpec(where: string, x: Tensor, options: AvgPoolOptions): PoolSpec {
  const [batch = 0, channels = 0, ...input] = x.shape;
  if (input.length < 1 || input.length > 3) {
    fail("SHAPE", {
      where,
      expected: "input [B,C,W], [B,C,H,W] or [B,C,D,H,W]",
      got: formatShape(x.shape),
      hint: "reshape() time and batch into one axis first.",
    });
  }
  const kernel = perAxis(where, "kernelSize", options.kernelSize, input.length, 1);
  const stride = perAxis(where, "stride", options.stride ?? kernel, input.length, 1);
  const padding = perAxis(where, "padding", options.padding ?? 0, input.length, 0);
  const dilation = perAxis(where, "dilation", options.dilation ?? 1, input.length, 1);
  const divisor = options.divisorOverride ?? 0;
  if (padding.some((pad, axis) => pad > kernel[axis]! / 2)) {
    fail("OPTION", {
      where: `${where} padding`,
      expected: `at most half the kernel size ${formatShape(kernel)}`,
      got: formatShape(padding),
    });
  }
  if (!Number.isInteger(divisor) || divisor < 0 || options.divisorOverride === 0) {
    fail("OPTION", { where: `${where} divisorOverride`, expected: "a whole number of at least 1", got: `${divisor}` });
  }
  const output = windowSizes(where, input, { kernel, stride, padding, dilation, ceilMode: options.ceilMode ?? false });
  const countIncludePad = options.countIncludePad ?? true;
  return { batch, channels, input, kernel, stride, padding, dilation, output, countIncludePad, divisor };
}

function pool(op: PoolOp, x: Tensor, options: AvgPoolOptions): Tensor {
  const name = `${op}Pool`;
  const type = activationType(name, x);
  const spec = poolSpec(name, x, options);
  const spatial = spec.input.length;
  const input = toChannelsLast(x, spatial);
  const out = Tensor.empty([spec.batch, spec.channels, ...spec.output], type, spatial);
  const winners = op === "max" && willRecord([x]) ? Tensor.empty(out.shape, "int32", spatial) : null;
  core().poolForward(op, spec, input.buffer, out.buffer, winners?.buffer ?? 0, type);
  const { shape } = x;
  record(name, [input], out, winners ? [winners] : [], (grad, [held]) => {
    const gradX = Tensor.empty(shape, type, spatial);
    core().poolBackward(op, spec, grad.buffer, held?.buffer ?? 0, gradX.buffer, type);
    return [gradX];
  });
  winners?.dispose();
  input.dispose();
  return out;
}
