/** Arrays as people hold them, to and from a chip's runtime: `[T, ...]` or `[N, T, ...]`, images or flat features. Used by `spikeship simulate`. */
import { fail, formatShape, type Shape, sizeOf } from "../core/index.ts";
import type { ChipInput, ChipRuntime, LayerTrace } from "./target.ts";

export interface NumberArray {
  shape: number[];
  data: Float32Array;
}

/** A trace in the order that people hold. */
export interface ArrangedTrace {
  shape: number[];
  data: Float32Array | Int32Array;
}

export interface ArrangedInput {
  input: ChipInput;
  /** false: the array held one sample without a batch axis, and so shall the results. */
  batched: boolean;
}

/**
 * Finds out what the axes of an input array are. Sequence: `[T, ...]` or `[N, T, ...]`; image: one sample or `[N, ...]`; samples in C,H,W
 * order or flat. `steps`: cut the sequence after so many steps, or let silence follow.
 * @throws SHAPE when the array fits in no way, OPTION when the file fixes another number of steps.
 */
export function arrangeInput(
  array: NumberArray,
  runtime: Pick<ChipRuntime, "inputShape" | "inputForm" | "steps">,
  steps: number | undefined,
  where: string,
): ArrangedInput {
  const { inputShape, inputForm } = runtime;
  const leading = leadingAxes(array.shape, inputShape);
  const most = inputForm === "image" ? 1 : 2;
  const least = inputForm === "image" ? 0 : 1;
  if (leading === null || leading.length > most || leading.length < least) {
    const sample = inputShape.join(",");
    const forms = inputForm === "image" ? [`[N,${sample}]`, `[${sample}]`] : [`[T,${sample}]`, `[N,T,${sample}]`];
    fail("SHAPE", {
      where,
      expected: `${forms.join(" or ")}, or flat with ${sizeOf(inputShape)} numbers a sample`,
      got: formatShape(array.shape),
    });
  }
  const batched = leading.length === most;
  refuseOtherSteps(runtime.steps, steps, inputForm === "image" ? undefined : leading.at(-1), where);
  if (inputForm === "image") {
    return { batched, input: { form: "image", shape: [leading[0] ?? 1, ...inputShape], data: array.data } };
  }
  const [batch, given] = batched ? (leading as [number, number]) : [1, leading[0]!];
  const wanted = steps ?? given;
  const data = timeFirst(array.data, batch, given, wanted, sizeOf(inputShape));
  return { batched, input: { form: "sequence", shape: [wanted, batch, ...inputShape], data } };
}

/** A file with a fixed number of steps runs no other; silence is added, or steps are cut, only when it was asked for. */
function refuseOtherSteps(
  fixed: number | null,
  asked: number | undefined,
  given: number | undefined,
  where: string,
): void {
  if (fixed === null) return;
  if (asked !== undefined && asked !== fixed) {
    fail("OPTION", { where: "--steps", expected: `${fixed}, the number that the file fixes`, got: `${asked}` });
  }
  if (asked === undefined && given !== undefined && given !== fixed) {
    fail("SHAPE", {
      where,
      expected: `${fixed} steps, the number that the file fixes`,
      got: `${given}`,
      hint: `--steps ${fixed} cuts the input or lets silence follow.`,
    });
  }
}

/** Axes before the sample's own, or null when the end of the shape is no sample. */
function leadingAxes(shape: Shape, sample: Shape): number[] | null {
  const before = shape.length - sample.length;
  if (before >= 0 && sample.every((size, i) => size === shape[before + i])) return shape.slice(0, before);
  return shape.at(-1) === sizeOf(sample) ? shape.slice(0, -1) : null;
}

/** `[N, T, F]` to `[wanted, N, F]`, cut or followed by zeros. */
function timeFirst(data: Float32Array, batch: number, steps: number, wanted: number, size: number): Float32Array {
  const arranged = new Float32Array(wanted * batch * size);
  for (let n = 0; n < batch; n++) {
    for (let t = 0; t < Math.min(steps, wanted); t++) {
      const from = (n * steps + t) * size;
      arranged.set(data.subarray(from, from + size), (t * batch + n) * size);
    }
  }
  return arranged;
}

/** A trace `[T, N, ...]` as `[N, T, ...]`, or `[T, ...]` for a single sample without batch axis. */
export function arrangeTrace(trace: Pick<LayerTrace, "shape" | "data">, batched: boolean): ArrangedTrace {
  const [steps = 0, batch = 0, ...rest] = trace.shape;
  const size = sizeOf(rest);
  // float32 cannot hold every whole number of 32 bits
  const data = new (trace.data instanceof Int32Array ? Int32Array : Float32Array)(trace.data.length);
  for (let t = 0; t < steps; t++) {
    for (let n = 0; n < batch; n++) {
      const from = (t * batch + n) * size;
      data.set(trace.data.subarray(from, from + size), (n * steps + t) * size);
    }
  }
  return { data, shape: batched ? [batch, steps, ...rest] : [steps, ...rest] };
}
