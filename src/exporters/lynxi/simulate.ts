/**
 * Runs an ONNX file on samples: as float32 (ONNX Runtime), as its float16 twin (ONNX Runtime), or in our emulator of the chip's arithmetic.
 * The graph's batch N is frozen; samples are cut into calls of N, the last one filled with zeros that are dropped again.
 */
import { fail, formatShape, sizeOf } from "../../core/index.ts";
import type { ChipInput } from "../target.ts";
import { type ExecutionMode, openExecutor } from "./artefact/executor.ts";
import type { HostArray } from "./artefact/session.ts";
import { Collector, type OnnxRun } from "./emulation/collector.ts";
import { type GraphLayout, layoutOf } from "./lowering/layout.ts";
import type { OnnxModel } from "./onnx/onnx-model.ts";
import { withOutputs } from "./onnx/onnx-prune.ts";
import { readOnnx } from "./read.ts";

export interface RunOptions {
  mode?: ExecutionMode;
  /** Values whose spikes are wanted too, `[T, N, L]` in the graph. */
  spikes?: readonly string[];
  onProgress?: (done: number, of: number) => void;
}

/** Runs a file: `runOnnx("graph.onnx", { form: "image", shape: [N,C,H,W], data }, { mode: "twin" })`. */
export async function runOnnx(path: string, input: ChipInput, options: RunOptions = {}): Promise<OnnxRun> {
  const { model } = readOnnx(path);
  return runModel(model, layoutOf(model, path), input, options, path);
}

/** One run of a model: opens, runs and closes what executes it. */
export async function runModel(
  model: OnnxModel,
  layout: GraphLayout,
  input: ChipInput,
  options: RunOptions,
  where: string,
): Promise<OnnxRun> {
  const loaded = await loadModel(model, layout, options, where);
  try {
    return await loaded.run(input, options.onProgress);
  } finally {
    await loaded.close();
  }
}

/** A graph that is ready to run any number of inputs in one mode. */
export interface LoadedModel {
  /** @throws SHAPE when the input does not fit the graph. */
  run(input: ChipInput, onProgress?: RunOptions["onProgress"]): Promise<OnnxRun>;
  close(): Promise<void>;
}

/** @throws FILE when ONNX Runtime refuses the graph, TARGET when the emulator does. */
export async function loadModel(
  model: OnnxModel,
  layout: GraphLayout,
  { mode = "emulator", spikes = [] }: RunOptions,
  where: string,
): Promise<LoadedModel> {
  const graph = spikes.length > 0 ? withOutputs(model, spikes) : model;
  const executor = await openExecutor(graph, mode, where);
  const perRun = executor.callsPerRun(graph, layout);
  return {
    async run(input, onProgress) {
      const samples = sampleCount(layout, input, where);
      const calls = Math.ceil(samples / layout.batch);
      const collected = new Collector(layout, samples, spikes);
      for (let call = 0; call < calls; call += perRun) {
        const count = Math.min(perRun, calls - call);
        const fed = inputOfCalls(layout, input, samples, call, count);
        collected.add(call, count, await executor.run(layout, fed, count));
        onProgress?.(Math.min(samples, (call + count) * layout.batch), samples);
      }
      return collected.result();
    },
    close: () => executor.close(),
  };
}

/** Samples in an input that fits the graph. With one time-step, an image and a sequence of one are the same. */
export function sampleCount({ form, steps, inputShape }: GraphLayout, input: ChipInput, where: string): number {
  const sequence = input.form === "sequence";
  const rest = input.shape.slice(sequence ? 2 : 1);
  const formFits = input.form === form || steps === 1;
  if (!formFits || (sequence && input.shape[0] !== steps) || sizeOf(rest) !== sizeOf(inputShape)) {
    const axes = form === "sequence" ? `[T=${steps}, N, ${inputShape.join(", ")}]` : `[N, ${inputShape.join(", ")}]`;
    fail("SHAPE", {
      where: `${where}: input`,
      expected: `${form} ${axes}`,
      got: `${input.form} ${formatShape(input.shape)}`,
    });
  }
  return input.shape[sequence ? 1 : 0]!;
}

/** The rows of `count` calls from call `first` on; samples beyond the last are zeros. */
export function inputOfCalls(
  layout: GraphLayout,
  input: ChipInput,
  samples: number,
  first: number,
  count: number,
): HostArray {
  const { batch, inputShape } = layout;
  const size = sizeOf(inputShape);
  const steps = layout.form === "sequence" ? layout.steps : 1;
  const data = new Float32Array(count * steps * batch * size);
  for (let call = 0; call < count; call++) {
    const from = (first + call) * batch;
    const length = Math.min(batch, samples - from) * size;
    for (let t = 0; t < steps; t++) {
      const source = (t * samples + from) * size;
      data.set(input.data.subarray(source, source + length), (call * steps + t) * batch * size);
    }
  }
  return { shape: [count * steps * batch, ...inputShape], data };
}
