/**
 * What a chip must answer to be a deployment target. One folder per chip implements it; `verify`, `report` and the command line
 * know chips only through this interface.
 */
import type { Network } from "../model/index.ts";

/** A design rule that was broken, or a note about something lossy. */
export interface Finding {
  /** Stable name of the rule, for example `LX001` or `loihi/threshold-grid`. */
  rule: string;
  severity: "error" | "warning" | "note";
  /** Layer path or place in a file. */
  place: string;
  /** What was found, with the limit. */
  message: string;
  /** Where the limit is documented. */
  source: string;
  /** The legal rewrite, if there is one. */
  rewrite?: string;
}

/** A step of the export that changed numbers or structure, with counts: nothing lossy is silent. */
export interface LossyStep {
  place: string;
  what: string;
  /** Numbers affected, and the largest change. */
  count: number;
  largestChange: number;
}

export interface WrittenFile {
  /** Path relative to the directory of the artefact. */
  path: string;
  bytes: number;
  sha256: string;
}

export interface Artefact {
  target: string;
  directory: string;
  /** The chip's own file inside the directory. */
  file: string;
  files: WrittenFile[];
  findings: Finding[];
  lossy: LossyStep[];
}

/** Spikes of one layer over a run: `[T, N, ...]` in C,H,W order. */
export interface LayerTrace {
  /** Path of the layer in the network. */
  layer: string;
  shape: number[];
  data: Uint8Array | Float32Array;
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

/** Input of a run: real images or spikes, `[T, N, ...]` (sequence) or `[N, ...]` (image), C,H,W order. */
export interface ChipInput {
  form: "image" | "sequence";
  shape: number[];
  data: Float32Array;
}

/** `chip`: the chip's own numbers. `float32`: the file's graph without the chip's rounding, where that means something. */
export type RunMode = "chip" | "float32";

export interface ChipRunOptions {
  mode?: RunMode;
  /** Also give the spikes of every spiking layer. */
  layers?: boolean;
  onProgress?: (done: number, of: number) => void;
}

/** What a file holds, as `spikeship inspect` shows it. */
export interface FileInspection {
  /** Name of the format, such as `Lava DL network (.net)`. */
  format: string;
  /** Everything, as plain JSON, for programs. */
  facts: Record<string, unknown>;
  /** What people read first: a name and a value a line. */
  about: [name: string, value: string][];
  tables: { title: string; header: string[]; rows: string[][] }[];
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
  close(): void;
}

/** How equal the file must be to the prepared network; `verify` turns it into a verdict. */
export interface TargetContract {
  /** Spikes that may differ per spiking layer, as a share of all of them: 0 for an exact chip. */
  maxFlipRate: number;
  /** Share of samples whose predicted class must agree. */
  minPredictionAgreement: number;
  /** The sentence that the report prints. */
  statement: string;
}

/** One comparison of a proof: a network on this side, the file in a mode on the other. */
export interface ComparisonPlan {
  title: string;
  network: Network;
  mode: RunMode;
  contract: TargetContract;
}

export interface DeploymentTarget {
  readonly id: string;
  readonly title: string;
  /** One or two sentences: what the chip does to numbers. */
  readonly about: string;
  /** What a passed verification shows and what it does not, a sentence each. */
  readonly proven: string[];
  readonly notProven: string[];
  /** Commands that compile or run an artefact on the chip. */
  commands(artefact: Artefact): { command: string; purpose: string }[];
  /** Ending of the chip's own file, with the dot. */
  readonly extension: string;
  check(network: Network): Finding[];
  /**
   * The trainable twin that computes with the chip's numbers. Refuses with TARGET what the chip cannot hold, with OPTION what the
   * target's options do not know.
   */
  prepare(network: Network, options?: PrepareOptions): Network;
  /** True when a network computes with this chip's numbers already. */
  isPrepared(network: Network): boolean;
  /** Writes the chip's file, a manifest and scripts into a directory. */
  export(network: Network, directory: string, options?: Record<string, unknown>): Promise<Artefact>;
  open(path: string): Promise<ChipRuntime>;
  /** What a file of this chip holds, also one that cannot be run. Refuses with FILE what is damaged. */
  inspect(path: string): Promise<FileInspection>;
  /** What must be compared to prove a file against its prepared network, the strictest first. `dispose` frees what it made. */
  comparisons(prepared: Network): { plans: ComparisonPlan[]; dispose(): void };
}

export interface PrepareOptions {
  /** Input samples `[N, ...]` for choosing scales. */
  calibration?: { shape: number[]; data: Float32Array };
  /** Options of the target, as a config holds them. */
  options?: Record<string, unknown>;
}
