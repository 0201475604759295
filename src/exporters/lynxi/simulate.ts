/**
 * Runs an ONNX file on samples: as float32 (ONNX Runtime), as its float16 twin (ONNX Runtime), or in our emulator of the chip's arithmetic.
 * The graph's batch N is frozen; samples are cut into calls of N, the last one filled with zeros that are dropped again.
 */
import { fail, formatShape, sizeOf } from "../../core/index.ts";
import type { ChipInput } from "../target.ts";
import { emulate, type NonFinite } from "./emulator.ts";
import { inferValues, numericShape } from "./infer.ts";
import type { OnnxModel } from "./onnx-model.ts";
import { withOutputs } from "./onnx-prune.ts";
import { readOnnx } from "./read.ts";
import { type HostArray, openSession } from "./session.ts";
import { findSpikeLayers } from "./spike-layers.ts";
import { twinOf } from "./twin.ts";

/** `float32` and `twin` run in ONNX Runtime; `emulator` and `emulator32` (no rounding) in ours. */
export type ExecutionMode = "float32" | "twin" | "emulator" | "emulator32";

/** What a graph expects and gives, as numbers. */
export interface GraphLayout {
  input: string;
  output: string;
  form: "image" | "sequence";
  steps: number;
  /** Samples N in one call. */
  batch: number;
  /** One step of one sample. */
  inputShape: number[];
  /** Values of the spiking layers, `[T, N, ...]`. */
  spikes: string[];
}

export interface RunOptions {
  mode?: ExecutionMode;
  /** Values whose spikes are wanted too, `[T, N, L]` in the graph. */
  spikes?: readonly string[];
  onProgress?: (done: number, of: number) => void;
}

export interface OnnxRun {
  /** `[samples, F]`: rates where the graph ends in a mean over time. */
  rates: Float32Array;
  /** Output before the mean, `[T, samples, F]`, of graphs that end in a sequence. */
  sequence: Float32Array | null;
  features: number;
  /** Spikes `[T, samples, L]` of each wanted value. */
  spikes: Map<string, Float32Array>;
  nonFinite: NonFinite[];
}

/** Runs a file: `runOnnx("graph.onnx", { form: "image", shape: [N,C,H,W], data }, { mode: "twin" })`. */
export async function runOnnx(path: string, input: ChipInput, options: RunOptions = {}): Promise<OnnxRun> {
  const { model } = readOnnx(path);
  return runModel(model, layoutOf(model, path), input, options, path);
}

/** Reads T, N and the form of the input off the graph. */
export function layoutOf(model: OnnxModel, where: string): GraphLayout {
  const [input, output] = [model.inputs[0], model.outputs[0]];
  const inputShape = numericShape(input?.shape ?? null);
  if (!input || !output || !inputShape || inputShape.length < 2 || model.inputs.length !== 1) {
    const got = model.inputs.map(({ name, shape }) => `${name}${shape ? formatShape(shape.map(Number)) : ""}`).join(", ");
    fail("FILE", { where, expected: "one input with a static shape [rows, ...]", got: got || "none" });
  }
  const layers = findSpikeLayers(model);
  const steps = layers[0]?.steps ?? 1;
  const rows = inputShape[0]!;
  const outputRows = inferValues(model).facts.get(output.name)?.shape?.[0] ?? rows;
  // a sequence has T rows for each rate row; an image as many rows as the rates
  const sequence = steps > 1 && rows === steps * outputRows ? true : steps > 1 && rows === outputRows && readsInputBySteps(model, rows, steps);
  if (sequence && rows % steps !== 0) fail("FILE", { where, expected: `rows that divide by T = ${steps}`, got: `${rows}` });
  return {
    input: input.name,
    output: output.name,
    form: sequence ? "sequence" : "image",
    steps,
    batch: sequence ? rows / steps : rows,
    inputShape: inputShape.slice(1),
    spikes: layers.map(({ value }) => value),
  };
}

/** For graphs that end in a sequence: true when spikes have as many rows as the input, so that time comes in from outside. */
function readsInputBySteps(model: OnnxModel, rows: number, steps: number): boolean {
  const shape = inferValues(model).facts.get(findSpikeLayers(model)[0]?.value ?? "")?.shape;
  return shape !== undefined && shape !== null && (shape[1] ?? 0) * steps === rows;
}

export async function runModel(
  model: OnnxModel,
  layout: GraphLayout,
  input: ChipInput,
  options: RunOptions,
  where: string,
): Promise<OnnxRun> {
  const samples = sampleCount(layout, input, where);
  const wanted = [...(options.spikes ?? [])];
  const graph = wanted.length > 0 ? withOutputs(model, wanted) : model;
  const mode = options.mode ?? "emulator";
  const calls = Math.ceil(samples / layout.batch);
  const collected = new Collector(layout, samples, wanted);
  const executor = await openExecutor(graph, mode, where);
  try {
    const perRun = executor.callsPerRun(graph, layout);
    for (let call = 0; call < calls; call += perRun) {
      const count = Math.min(perRun, calls - call);
      const fed = inputOfCalls(layout, input, samples, call, count);
      collected.add(call, count, await executor.run(layout, fed, count));
      options.onProgress?.(Math.min(samples, (call + count) * layout.batch), samples);
    }
  } finally {
    await executor.close();
  }
  return collected.result();
}

interface ExecutorResult {
  outputs: Map<string, HostArray>;
  nonFinite: NonFinite[];
}

interface Executor {
  callsPerRun(model: OnnxModel, layout: GraphLayout): number;
  run(layout: GraphLayout, input: HostArray, calls: number): Promise<ExecutorResult>;
  close(): Promise<void>;
}

/** Floats that one value of the emulator may hold: large enough for long vectors, small enough to stay near the cache. */
const EMULATOR_VALUE_FLOATS = 2 ** 20;

async function openExecutor(model: OnnxModel, mode: ExecutionMode, where: string): Promise<Executor> {
  if (mode === "emulator" || mode === "emulator32") {
    const arithmetic = mode === "emulator" ? "float16" : "float32";
    return {
      callsPerRun: (graph, layout) => Math.max(1, Math.floor(EMULATOR_VALUE_FLOATS / largestValue(graph, layout))),
      run: async (layout, input, calls) => emulate(model, new Map([[layout.input, input]]), calls, { arithmetic }),
      close: async () => undefined,
    };
  }
  const session = await openSession(mode === "twin" ? twinOf(model) : model, where);
  return {
    callsPerRun: () => 1,
    run: async (layout, input) => ({ outputs: await session.run(new Map([[layout.input, input]])), nonFinite: [] }),
    close: () => session.release(),
  };
}

function largestValue(model: OnnxModel, layout: GraphLayout): number {
  const shapes = [...inferValues(model).facts.values()].map(({ shape }) => sizeOf(shape ?? []));
  return Math.max(sizeOf(layout.inputShape) * layout.batch, ...shapes);
}

/** Samples in an input that fits the graph. With one time-step, an image and a sequence of one are the same. */
function sampleCount({ form, steps, inputShape }: GraphLayout, input: ChipInput, where: string): number {
  const sequence = input.form === "sequence";
  const rest = input.shape.slice(sequence ? 2 : 1);
  const formFits = input.form === form || steps === 1;
  if (!formFits || (sequence && input.shape[0] !== steps) || sizeOf(rest) !== sizeOf(inputShape)) {
    const axes = form === "sequence" ? `[T=${steps}, N, ${inputShape.join(", ")}]` : `[N, ${inputShape.join(", ")}]`;
    fail("SHAPE", { where: `${where}: input`, expected: `${form} ${axes}`, got: `${input.form} ${formatShape(input.shape)}` });
  }
  return input.shape[sequence ? 1 : 0]!;
}

/** The rows of `count` calls from call `first` on; samples beyond the last are zeros. */
export function inputOfCalls(layout: GraphLayout, input: ChipInput, samples: number, first: number, count: number): HostArray {
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

/** Puts the results of calls together and drops what belongs to the filling. */
class Collector {
  readonly #spikes = new Map<string, Float32Array>();
  readonly #nonFinite = new Map<string, number>();
  #rates: Float32Array | null = null;
  #sequence: Float32Array | null = null;
  #features = 0;

  constructor(
    readonly layout: GraphLayout,
    readonly samples: number,
    readonly wanted: readonly string[],
  ) {}

  add(first: number, count: number, { outputs, nonFinite }: ExecutorResult): void {
    const output = outputs.get(this.layout.output)!;
    const { steps, batch } = this.layout;
    const rows = output.shape[0]! / count;
    this.#features = output.data.length / output.shape[0]!;
    if (rows === batch) {
      this.#rates ??= new Float32Array(this.samples * this.#features);
      this.place(this.#rates, output.data, 1, first, count);
    } else {
      this.#sequence ??= new Float32Array(steps * this.samples * this.#features);
      this.place(this.#sequence, output.data, steps, first, count);
    }
    for (const name of this.wanted) {
      const { data } = outputs.get(name)!;
      const perSample = data.length / (count * steps * batch);
      const whole = this.#spikes.get(name) ?? new Float32Array(steps * this.samples * perSample);
      this.#spikes.set(name, whole);
      this.place(whole, data, steps, first, count);
    }
    for (const { node, count: numbers } of nonFinite) this.#nonFinite.set(node, (this.#nonFinite.get(node) ?? 0) + numbers);
  }

  /** `[calls, steps, N, F]` into `[steps, samples, F]`. */
  private place(whole: Float32Array, part: Float32Array, steps: number, first: number, count: number): void {
    const { batch } = this.layout;
    const features = whole.length / (steps * this.samples);
    for (let call = 0; call < count; call++) {
      const from = (first + call) * batch;
      const length = Math.min(batch, this.samples - from) * features;
      for (let t = 0; t < steps; t++) {
        const source = (call * steps + t) * batch * features;
        whole.set(part.subarray(source, source + length), (t * this.samples + from) * features);
      }
    }
  }

  result(): OnnxRun {
    return {
      rates: this.#rates ?? meanOverTime(this.#sequence ?? new Float32Array(0), this.layout.steps),
      sequence: this.#sequence,
      features: this.#features,
      spikes: this.#spikes,
      nonFinite: [...this.#nonFinite].map(([node, count]) => ({ node, count })),
    };
  }
}

function meanOverTime(sequence: Float32Array, steps: number): Float32Array {
  const length = sequence.length / steps;
  const rates = new Float32Array(length);
  for (let i = 0; i < sequence.length; i++) rates[i % length]! += sequence[i]!;
  return rates.map((sum) => sum / steps);
}
