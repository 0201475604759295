/**
 * The proof: runs a prepared network and the file that was written from it on the same fixed input, compares every spiking layer, and
 * judges by the target's contract. The file is read back from disk; weights in memory are never used for its side.
 */
import type { RandomStream } from "../core/index.ts";
import { type Split, sampleBatch } from "../data/index.ts";
import type { ChipInput, ChipRuntime, DeploymentTarget, Finding, LayerTrace } from "../exporters/index.ts";
import { evaluationStream, isSpikingLayer, type Network, resetNet } from "../model/index.ts";
import { noGrad, scope, Tensor } from "../tensor/index.ts";
import { predictions } from "../train/index.ts";

/** The prepared network that an export directory carries, for its verification. */
export const NETWORK_FILE = "network.safetensors";

export interface VerifyOptions {
  samples?: number;
  /** Samples run at once; bounds the memory for traces. */
  batchSize?: number;
  seed?: number;
  onProgress?: (done: number, of: number) => void;
}

/** One batch, run on both sides. */
export interface BothRuns {
  /** Index of the first sample. */
  start: number;
  labels: Int32Array;
  input: ChipInput;
  trained: { rates: Float32Array; layers: LayerTrace[] };
  chip: { rates: Float32Array; layers: LayerTrace[]; events: Finding[] };
}

/** Runs network and file on the first samples of a split, batch by batch. */
export async function* runBoth(
  network: Network,
  runtime: ChipRuntime,
  split: Split,
  options: VerifyOptions = {},
): AsyncGenerator<BothRuns> {
  const count = Math.min(options.samples ?? split.count, split.count);
  const batchSize = options.batchSize ?? 32;
  const random = evaluationStream(options.seed ?? 0);
  for (let start = 0; start < count; start += batchSize) {
    const size = Math.min(batchSize, count - start);
    const { images, labels } = sampleBatch(split, start, size);
    const trained = runNetwork(network, images, size, random);
    const chip = await runtime.run(trained.input, { layers: true });
    yield { start, labels, input: trained.input, trained, chip };
    options.onProgress?.(start + size, count);
  }
}

/** The network's side: its input as the chip receives it, rates, and the spikes of every spiking layer `[T, N, ...]`. */
export function runNetwork(
  network: Network,
  images: Float32Array,
  count: number,
  random: RandomStream,
): { input: ChipInput; rates: Float32Array; layers: LayerTrace[] } {
  const layers: LayerTrace[] = [];
  resetNet(network);
  try {
    return scope(() =>
      noGrad(() => {
        const shape = [count, ...network.inputShape];
        const samples = Tensor.from(images, shape);
        const sequence = network.encode(samples, random);
        const output = network.forwardSequence(sequence, {
          training: false,
          random,
          observe: (layer, tensor) => {
            if (isSpikingLayer(layer)) {
              const data = Uint8Array.from(tensor.toArray() as Float32Array);
              layers.push({ layer: layer.path, shape: [...tensor.shape], data });
            }
          },
        });
        const input: ChipInput =
          network.encoder.form === "image"
            ? { form: "image", shape, data: images }
            : { form: "sequence", shape: [...sequence.shape], data: sequence.toArray() as Float32Array };
        return { input, rates: meanOverTime(output), layers };
      }),
    );
  } finally {
    resetNet(network);
  }
}

/** Spike counts over time divided by T: exact for any T up to 2^24. */
function meanOverTime(output: Tensor): Float32Array {
  const [steps = 1] = output.shape;
  const data = output.toArray() as Float32Array;
  const size = data.length / steps;
  const sums = new Float32Array(size);
  for (let i = 0; i < data.length; i++) sums[i % size]! += data[i]!;
  return sums.map((sum) => sum / steps);
}

/** Accuracy of rates `[N, F]` against labels. */
export function accuracyOf(rates: Float32Array, labels: ArrayLike<number>): number {
  const classes = rates.length / labels.length;
  return predictions(rates, classes).filter((label, i) => label === labels[i]).length / labels.length;
}

/** Opens the chip's file of an artefact directory. */
export async function openArtefact(target: DeploymentTarget, file: string): Promise<ChipRuntime> {
  return target.open(file);
}
