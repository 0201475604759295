/** What a run of a `.net` file takes and gives, whichever simulator runs it. */
import type { Finding } from "../../target.ts";
import type { NetLayerType } from "../net/net-file.ts";

/** A sequence `[T, N, C, H, W]`, `[T, N, F]`, or `[T, N, F]` with the image flattened in C,H,W order. Whole numbers. */
export interface SimulationInput {
  shape: readonly number[];
  data: ArrayLike<number>;
}

/** Lava's loader arguments, with its names in camelCase. */
export interface SimulationOptions {
  /** Load only so many layers of the file, flatten and input included. */
  numLayers?: number;
  /** Shape [C,H,W] of the input, for a file that begins with a conv layer. */
  inputShape?: readonly number[];
  /** Above 0 the input carries payloads; otherwise everything but 0 is a spike. Default 0. */
  inputMessageBits?: number;
  /** Every so many steps all neurons are reset; none by default. The hardware takes powers of two. */
  resetInterval?: number;
  /** Default: the value that lets samples begin at the reset, 0 for a network that begins with an input neuron and 1 otherwise. */
  resetOffset?: number;
  /** Decimal places of sigma-delta messages in bits. Default 6. */
  spikeExp?: number;
  /** Steps to run beyond the T steps of the input. Default 0. */
  extraSteps?: number;
  /** Repeat the last frame after the input's end, instead of zeros. */
  holdInput?: boolean;
  /**
   * What to keep of each layer besides the last: nothing, its answers to the T (+ extra) frames, or every step from the start of the
   * simulation, latency included. The last layer is kept in the same way, aligned for "none".
   */
  record?: "none" | "aligned" | "raw";
  /** Where it is computed, with the same numbers: "cpu", "cuda", "cuda:1" or "auto". Default: where new tensors lie. */
  device?: string;
  /** Most numbers of one layer that are held at once: so many samples run together. Default 2^22 on the CPU, 2^26 on a device. */
  chunkNumbers?: number;
  /** Told how many samples are done. */
  onProgress?: (done: number, of: number) => void;
}

/** Spikes or payloads of one layer, `[steps, N, ...]` in C,H,W order. */
export interface SimulatedLayer {
  /** Number of the layer in the file. */
  layer: number;
  type: NetLayerType;
  shape: number[];
  data: Int32Array;
}

export interface SimulationResult {
  /** The last layer. */
  output: SimulatedLayer;
  /** Every layer that spikes, in order, as far as it was recorded. */
  layers: SimulatedLayer[];
  /** Steps from an input frame to the answer of the last layer. */
  latency: number;
  /** Registers that overflowed, with counts. */
  events: Finding[];
}
