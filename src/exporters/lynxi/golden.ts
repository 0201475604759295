/** A golden pair: one full input of the compiled program and what the emulator gives for it, as raw bytes in the type of the host. */
import { RandomStream, sizeOf } from "../../core/index.ts";
import type { ChipInput } from "../target.ts";
import { roundArray, toFloat16Bits } from "./float16.ts";
import type { Lowering } from "./lower.ts";

/** Seed of the samples; any fixed number serves. */
const SEED = 20_261_120;

/** Samples for the golden pair: uniform in [0,1) for images and real sequences, 0 or 1 for spikes; float16 numbers, the same every time. */
export function goldenInput(lowering: Lowering, samples: number): ChipInput {
  const { form, steps, inputShape, inputValues: values } = lowering;
  const shape = form === "sequence" ? [steps, samples, ...inputShape] : [samples, ...inputShape];
  const random = new RandomStream(SEED);
  const data = new Float32Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++)
    data[i] = values === "spikes" ? Number(random.uniform() < 0.5) : random.uniform();
  return { form, shape, data: roundArray(data).data };
}

/** The graph's rows of a sequence or image, call after call, as the host sends them. */
export function hostBytes(data: Float32Array, type: "float16" | "float32"): Uint8Array {
  const raw = type === "float16" ? toFloat16Bits(data) : data;
  return new Uint8Array(raw.buffer, raw.byteOffset, raw.byteLength);
}
