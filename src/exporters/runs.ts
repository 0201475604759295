/** Running a chip's file as the chip would: what goes in, what comes out, and what can be looked into. */
import type { Finding } from "./findings.ts";

/** Spikes of one layer over a run: `[T, N, ...]` in C,H,W order. */
export interface LayerTrace {
  /** Path of the layer in the network. */
  layer: string;
  shape: number[];
  data: Uint8Array | Float32Array | Int32Array;
}

/** What lies behind the spikes of a layer: whole numbers in the chip's own units, `[T, N, ...]`. */
export interface RegisterTrace {
  layer: string;
  /** The chip's name for it, such as `current` or `voltage`. */
  register: string;
  shape: number[];
  data: Int32Array;
}
export type RegisterKind = "currents" | "voltages";

/** One neuron step by step, as a table that a person can follow. */
export interface StepWalk {
  /** Sentences that say what the columns mean. */
  about: string[];
  header: string[];
  /** For each step the rows that belong to it. */
  steps: string[][][];
}

/** Which neuron to follow: layer by path or number, neuron and sample by index. */
export interface WalkPlace {
  layer: string;
  neuron: number;
  sample: number;
  /** The chip's steps in a unit of training, where the file does not say it. */
  scale: number;
}

export interface ChipRun {
  /** Number of samples N. */
  samples: number;
  /** Rates `[N, F]`: mean of the output over the T steps of the sample. */
  rates: Float32Array;
  /** Output sequence `[T, N, F]`, latency removed, where the chip gives one. */
  output: LayerTrace | null;
  /** Spikes of each spiking layer, latency removed, when asked for. */
  layers: LayerTrace[];
  /** Things a user must know: saturation, wrap, non-finite values. */
  events: Finding[];
}

/** Membrane potentials of one layer before the comparison, over a run. */
export interface PotentialFacts {
  /** As the file compares it. */
  threshold: number;
  lowest: number;
  highest: number;
  /** Potentials seen: steps * samples * neurons. */
  count: number;
  /** How many lie at a distance of -1 to 1 thresholds from the threshold, in bins of equal width; `below` and `above`: beyond those. */
  histogram: number[];
  below: number;
  above: number;
  /** How many lie no further from the threshold than so many units of the chip's numbers there. */
  near: { units: number; count: number }[];
}

/** Numbers that a chip's arithmetic could not hold as they were. */
export interface NumberEvent {
  /** overflow: infinite or no number. stall: a sum that did not move. subnormal: fewer significant bits than usual. */
  kind: "overflow" | "stall" | "subnormal";
  /** The first step where it was seen; null where results are the same at every step. */
  step: number | null;
  /** The most extreme one: the largest sum that stalled, the smallest subnormal. 0 for an overflow. */
  value: number;
  count: number;
}

export interface LayerNumbers {
  layer: string;
  /** Null: the layer compares nothing. */
  potentials: PotentialFacts | null;
  events: NumberEvent[];
}

/** What the numbers behind the spikes did over one run. */
export interface NumberReport {
  samples: number;
  layers: LayerNumbers[];
  findings: Finding[];
}

/** Input of a run: real images or spikes, `[T, N, ...]` (sequence) or `[N, ...]` (image), C,H,W order. */
export interface ChipInput {
  form: "image" | "sequence";
  shape: number[];
  data: Float32Array;
}

/**
 * `chip`: the chip's own numbers. `float32`: the file's graph without the chip's rounding, where that means something. `twin`: the chip's
 * rounding in an executor that is not ours, where there is one.
 */
export type RunMode = "chip" | "float32" | "twin";

export interface ChipRunOptions {
  mode?: RunMode;
  /** Also give the spikes of every spiking layer. */
  layers?: boolean;
  /** Where it is computed, with the same numbers: "cpu", "cuda", "cuda:1" or "auto". Default: where new tensors lie. */
  device?: string;
  /** Keep what was loaded for further runs, until `close`. Default false. */
  keep?: boolean;
  onProgress?: (done: number, of: number) => void;
}

/** A file that was read back and can be run as the chip would. */
export interface ChipRuntime {
  readonly target: string;
  readonly file: string;
  /** Shape of one sample at one step, C,H,W order. */
  readonly inputShape: number[];
  readonly inputForm: "image" | "sequence";
  /** Number of time-steps that the file fixes, or null when it runs any number. */
  readonly steps: number | null;
  run(input: ChipInput, options?: ChipRunOptions): Promise<ChipRun>;
  /** Registers of some layers (paths or numbers; all by default) over a run. Absent where the chip's neurons cannot be looked into. */
  registers?(input: ChipInput, kinds: readonly RegisterKind[], layers?: readonly string[]): RegisterTrace[];
  /** What the numbers behind the spikes do; null where the file does not say which layer they belong to. Absent on exact chips. */
  numbers?(input: ChipInput): NumberReport | null;
  /** Follows one neuron. Absent as above. */
  walk?(input: ChipInput, place: WalkPlace): StepWalk;
  close(): void;
}
