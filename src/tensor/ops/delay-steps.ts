/** Sequences that come later: every channel of `[T, N, C, ...]` by a number of steps of its own. */
import { fail, formatShape } from "../../core/index.ts";
import { core } from "../../kernels/index.ts";
import { record } from "../tape.ts";
import { Tensor } from "../tensor.ts";
import { toFloat } from "./arguments.ts";
import { mul, sub } from "./elementwise.ts";
import { sum } from "./reduce.ts";
import { toPlain } from "./shape.ts";

const FLOAT_BYTES = 4;

/** y[t] = x[t - steps] of each channel (axis 2), for positive and negative steps; 0 where there is no such step. Plain layout. */
function shifted(x: Tensor, steps: readonly number[]): Tensor {
  const plain = toPlain(x);
  const [length = 0, batch = 0, channels = 0] = x.shape;
  const out = Tensor.empty(x.shape, "float32");
  core().fill(out.buffer, out.size, 0);
  const pixels = out.size === 0 ? 0 : out.size / (length * batch * channels);
  const rowBytes = channels * pixels * FLOAT_BYTES;
  // channels that come equally late are moved together: on a device every copy is a launch
  const together = steps.every((by) => by === steps[0]);
  const blockBytes = together ? rowBytes : pixels * FLOAT_BYTES;
  (together ? steps.slice(0, 1) : steps).forEach((by, channel) => {
    const rows = Math.max(0, length - Math.abs(by)) * batch;
    const start = (step: number) => step * batch * rowBytes + channel * blockBytes;
    const [from, to] = [start(Math.max(0, -by)), start(Math.max(0, by))];
    if (rows > 0) core().copyStrided(rows, blockBytes, plain.buffer, from, rowBytes, out.buffer, to, rowBytes);
  });
  plain.dispose();
  return out;
}

/**
 * x `[T, N, C, ...]` with channel c delayed by `trunc(delay[c])` steps; zeros enter. `delay` `[C]` is at least 0, in steps. Backward: the
 * gradient of x is shifted back; that of a delay is the sum over T, N and space of `-g[t] (y[t] - y[t-1])` with y[-1] = 0, the derivative
 * of a delay that blends linearly between whole steps. Source: Lava DL, slayer/axon/delay. `whole`: the numbers of `delay` cut to whole
 * steps, where the caller has them already, since a device would have to be waited for.
 */
export function delaySteps(x: Tensor, delay: Tensor, whole?: readonly number[]): Tensor {
  [x, delay] = [toFloat("delaySteps", x), toFloat("delaySteps", delay)];
  const channels = x.shape[2];
  if (x.shape.length < 3 || delay.size !== channels) {
    fail("SHAPE", {
      where: "delaySteps",
      expected: `a sequence [T,N,C,...] with one delay for each of ${channels ?? "its"} channels`,
      got: `${formatShape(x.shape)} with ${delay.size} delays`,
    });
  }
  const steps = whole ?? Array.from(delay.toArray(), Math.trunc);
  const out = shifted(x, steps);
  const each = [...x.shape.keys()].filter((axis) => axis !== 2);
  const { shape } = delay;
  return record("delaySteps", [x, delay], out, [out], (grad, [y], needs) => [
    needs[0]
      ? shifted(
          grad,
          steps.map((by) => 0 - by),
        )
      : null,
    needs[1]
      ? sum(
          mul(
            grad,
            sub(
              shifted(
                y!,
                steps.map(() => 1),
              ),
              y!,
            ),
          ),
          each,
        ).view(shape, 0)
      : null,
  ]);
}
