/**
 * Latency encoding: one spike for each pixel, the brighter the earlier (SpikingJelly's `LatencyEncoder`).
 * linear: t = (T - 1)(1 - x). log: t = (T - 1) - ln(alpha x + 1) with alpha = e^(T-1) - 1, so that x = 1 fires at once. Rounded half to even.
 */
import { z } from "zod";
import { type RawArray, sizeOf } from "../../core/index.ts";
import { Tensor } from "../../tensor/index.ts";
import { type EncoderDefinition, expectUnitRange, makeEncoder } from "./define.ts";

const options = z.strictObject({
  function: z.enum(["linear", "log"]).default("linear").describe("how brightness becomes time"),
});
type Options = z.infer<typeof options>;

/** Spike times in steps, 0 to T-1, for values in [0, 1]. float32 arithmetic, as the reference computes it. */
export function latencyTimes(values: RawArray, steps: number, kind: Options["function"]): Int32Array {
  const last = steps - 1;
  const alpha = Math.fround(Math.exp(last) - 1);
  return Int32Array.from(values, (value) => {
    const time =
      kind === "linear"
        ? Math.fround(last * Math.fround(1 - value))
        : Math.fround(last - Math.fround(Math.log(Math.fround(Math.fround(alpha * value) + 1))));
    return roundHalfEven(time);
  });
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

export const latencyEncoder: EncoderDefinition<Options> = {
  kind: "LatencyEncoder",
  summary: "one spike for each pixel, the brighter the earlier",
  options,
  form: "sequence",
  values: "spikes",
  encode(x, steps, o) {
    expectUnitRange(x, "LatencyEncoder");
    const times = latencyTimes(x.toArray(), steps, o.function);
    const spikes = new Float32Array(steps * sizeOf(x.shape));
    times.forEach((time, i) => {
      spikes[time * times.length + i] = 1;
    });
    return Tensor.from(spikes, [steps, ...x.shape]);
  },
};

export const LatencyEncoder = (o: Partial<Options> = {}) => makeEncoder(latencyEncoder, o);
