/** A golden pair: one full input of the compiled program and what the emulator gives for it, as raw bytes in the type of the host. */
import { fail, RandomStream, sizeOf } from "../../../core/index.ts";
import type { ChipInput } from "../../target.ts";
import { openEmulator } from "../emulation/emulator.ts";
import { roundArray, toFloat16Bits } from "../emulation/float16.ts";
import type { Lowering } from "../lower.ts";
import type { GraphLayout } from "../lowering/layout.ts";
import type { OnnxModel } from "../onnx/onnx-model.ts";
import { withOutputs } from "../onnx/onnx-prune.ts";
import { inputOfCalls } from "../simulate.ts";
import { type GraphCall, isStepLayout, runSteps, type StepLayout } from "../step/run-steps.ts";
import { type Normalization, normalised } from "./host-input.ts";
import type { HostArray } from "./session.ts";

const BYTE_VALUES = 256;

/** Seed of the samples; any fixed number serves. */
const SEED = 20_261_120;

/**
 * Samples for the golden pair, the same every time: float16 numbers uniform in [0,1) for images and real sequences, or bytes; 0 or 1 for spikes.
 */
function goldenInput(lowering: Lowering, samples: number, bytes: boolean): ChipInput {
  const { form, steps, inputShape, inputValues: values } = lowering;
  const shape = form === "sequence" ? [steps, samples, ...inputShape] : [samples, ...inputShape];
  const random = new RandomStream(SEED);
  const data = new Float32Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++) {
    const number = random.uniform();
    if (values === "spikes") data[i] = Number(number < 0.5);
    else data[i] = bytes ? Math.floor(number * BYTE_VALUES) : number;
  }
  return { form, shape, data: roundArray(data).data };
}

/** What the golden pair's graph expects and gives. */
export function layoutOfLowering(lowering: Lowering): GraphLayout {
  const { model, form, steps, batch, inputShape, step } = lowering;
  const [input, output] = [model.inputs[0], model.outputs[0]];
  if (!input || !output) fail("STATE", { where: "Lynxi graph", expected: "an input and an output", got: "none" });
  const spikes = lowering.layers.flatMap(({ neuron }) => neuron?.spikes ?? []);
  return {
    input: input.name,
    output: output.name,
    form,
    steps,
    batch,
    inputShape,
    spikes,
    ...(step ? { step } : {}),
  };
}

/**
 * The golden pair of a graph as it will be read back: a full call, or T calls after another for a graph of one step, of which every output is
 * kept. The emulator computes the output. `watched`: values of the graph whose smallest and largest numbers are wanted too.
 */
export async function goldenPair(
  lowering: Lowering,
  model: OnnxModel,
  runBatch: number,
  normalization: Normalization | null,
  watched: readonly string[] = [],
): Promise<GoldenPair> {
  const layout = layoutOfLowering(lowering);
  const samples = lowering.batch * runBatch;
  const input = goldenInput(lowering, samples, normalization !== null);
  const onChip = (sent: HostArray) => (normalization ? normalised(sent, normalization) : sent);
  const emulator = openEmulator(watched.length > 0 ? withOutputs(model, watched) : model);
  const call: GraphCall = async (inputs) => emulator.run(inputs, runBatch);
  try {
    if (!isStepLayout(layout)) {
      const sent = inputOfCalls(layout, input, samples, 0, runBatch);
      const { outputs } = await call(new Map([[layout.input, onChip(sent)]]));
      return pairOf(sent, outputs, layout, watched);
    }
    const frames = layout.form === "image" ? repeated(input, lowering.steps) : input;
    const every: StepLayout = { ...layout, form: "sequence", step: { ...layout.step, readout: "every-step" } };
    const sent = inputOfCalls(every, frames, samples, 0, runBatch);
    const { outputs } = await runSteps(call, every, onChip(sent), runBatch);
    return pairOf(sent, outputs, layout, watched);
  } finally {
    emulator.close();
  }
}

export interface GoldenPair {
  /** As the host sends it. */
  input: Float32Array;
  output: Float32Array;
  /** Smallest and largest number of each watched value. */
  extremes: { value: string; lowest: number; highest: number }[];
}

function pairOf(
  sent: HostArray,
  outputs: ReadonlyMap<string, HostArray>,
  { output }: GraphLayout,
  watched: readonly string[],
): GoldenPair {
  const extremes = watched.map((value) => {
    let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const number of outputs.get(value)!.data) {
      lowest = Math.min(lowest, number);
      highest = Math.max(highest, number);
    }
    return { value, lowest, highest };
  });
  return { input: sent.data, output: outputs.get(output)!.data, extremes };
}

function repeated({ shape, data }: ChipInput, steps: number): ChipInput {
  const frames = new Float32Array(data.length * steps);
  for (let t = 0; t < steps; t++) frames.set(data, t * data.length);
  return { form: "sequence", shape: [steps, ...shape], data: frames };
}

/** The graph's rows of a sequence or image, call after call, as the host sends them. */
export function hostBytes(data: Float32Array, type: "float16" | "float32" | "uint8"): Uint8Array {
  if (type === "uint8") return Uint8Array.from(data);
  const raw = type === "float16" ? toFloat16Bits(data) : data;
  return new Uint8Array(raw.buffer, raw.byteOffset, raw.byteLength);
}
