/** What enters a network, some samples at a time, as tensors for the simulator on the native core. */
import { devices } from "../../../kernels/index.ts";
import { reshape, slice, Tensor } from "../../../tensor/index.ts";
import type { Block } from "../chip/blocks.ts";
import { frameAt, type Run } from "./run.ts";

/** Most numbers of a whole input that are held on a device: 1 GB. */
const WHOLE_INPUT = 2 ** 28;

/** Samples `start` to `start + count` over the steps that every layer runs. */
export interface Chunk {
  start: number;
  count: number;
  steps: number;
}

export interface ChunkInputs {
  /** `[steps * count, ...]`. The caller frees it. */
  of(chunk: Chunk): Tensor;
  dispose(): void;
}

/** Without payloads everything but 0 is a spike. */
export function chunkInputs(run: Run, steps: number, first: Block): ChunkInputs {
  const { frames } = run;
  const asGiven = frames.payloads === 0 && steps === frames.steps;
  if (!asGiven || devices().current === "cpu" || frames.data.length > WHOLE_INPUT) {
    return { of: (chunk) => gathered(run, chunk, first), dispose: () => undefined };
  }
  // cut on the device: gathering rows would keep the host busy for longer than the device computes
  const whole = Tensor.from(frames.data, [steps, frames.samples, ...first.inputShape]);
  return {
    of({ start, count }) {
      const piece = slice(whole, 1, start, start + count);
      const rows = reshape(piece, [steps * count, ...first.inputShape]);
      piece.dispose();
      return rows;
    },
    dispose: () => whole.dispose(),
  };
}

function gathered(run: Run, { start, count, steps }: Chunk, { inputShape, gradedInput }: Block): Tensor {
  const { frames } = run;
  const size = count * frames.features;
  const data = new Float32Array(steps * size);
  for (let step = 0; step < steps; step++) {
    const frame = frameAt(run, step, start, count);
    if (!frame) break;
    if (gradedInput || frames.payloads === 0) data.set(frame, step * size);
    else for (let i = 0; i < size; i++) if (frame[i] !== 0) data[step * size + i] = 1;
  }
  return Tensor.from(data, [steps * count, ...inputShape]);
}
