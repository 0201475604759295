/**
 * What a chip must answer to be a deployment target. One folder per chip implements it; `verify`, `report` and the command line
 * know chips only through this interface.
 */
import type { Network } from "../model/index.ts";
import type { QuantizationStudy } from "../quantize/index.ts";

/** A design rule that was broken, or a note about something lossy. */
export interface Finding {
  /** Stable name of the rule, for example `LX001` or `loihi/threshold-grid`. */
  rule: string;
  severity: "error" | "warning" | "note";
  /** Layer path or place in a file. */
  place: string;
  /** What was found. */
  message: string;
  /** The rule as a sentence, with its limit, where the message does not hold it. */
  limit?: string;
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

/** What a file holds, as `spikeship inspect` shows it. */
export interface FileInspection {
  /** Name of the format, such as `Lava DL network (.net)`. */
  format: string;
  /** Everything, as plain JSON, for programs. */
  facts: Record<string, unknown>;
  /** What people read first: a name and a value a line. */
  about: [name: string, value: string][];
  tables: { title: string; header: string[]; rows: string[][] }[];
  /** The layers in order, for a picture; absent where the file does not say them. */
  layers?: InspectedLayer[];
}

export interface InspectedLayer {
  kind: string;
  name: string;
  /** Shape of what it gives; empty where the file does not say it. */
  shape: string;
  /** How large it is in the file: `25 nodes`. */
  size: string;
  spiking: boolean;
}

/** Where the layers of a file go on the chip, and what a run costs there, as far as it is known; what is unknown is called so. */
export interface ChipMapping extends FileInspection {
  findings: Finding[];
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
  /** Only so many of the samples: for a slow executor. Default all. */
  samples?: number;
}

/** A legal rewrite that was applied to a file of a chip. */
export interface FileChange {
  /** The design rule it serves. */
  rule: string;
  place: string;
  what: string;
  /** True: results stay equal bit for bit in float32. False: they move within the stated allowance. */
  exact: boolean;
  /** How far numbers moved, where they did. */
  allowance?: string;
  /** Numbers or nodes affected, and the largest change of a stored number. */
  count: number;
  largestChange: number;
}

/** A file after the legal rewrites: what was changed, and what the rules still find. */
export interface FixedFile {
  bytes: Uint8Array;
  changes: FileChange[];
  findings: Finding[];
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
  /** The design rules on a network at any time. With `samples` also what is seen only when it runs, where a target looks at that. */
  check(network: Network, samples?: InputSamples): Finding[];
  /** The design rules on a file of this chip, ours or another program's, with what the file does not say as options. */
  checkFile?(path: string, options?: Record<string, unknown>): Promise<Finding[]>;
  /** A file of this chip with its legal rewrites applied; nothing is written. */
  fixFile?(path: string, options?: Record<string, unknown>): Promise<FixedFile>;
  /**
   * The trainable twin that computes with the chip's numbers. Refuses with TARGET what the chip cannot hold, with OPTION what the
   * target's options do not know.
   */
  prepare(network: Network, options?: PrepareOptions): Network;
  /** The same with what lies between, for a report on which layer costs what. Absent where no such report is made. */
  study?(network: Network, options?: PrepareOptions): QuantizationStudy;
  /** True when a network computes with this chip's numbers already. */
  isPrepared(network: Network): boolean;
  /** Writes the chip's file, a manifest and scripts into a directory. */
  export(network: Network, directory: string, options?: Record<string, unknown>): Promise<Artefact>;
  /** `options`: how the chip's own loader is told to run the file; refuses with OPTION what that does not know. */
  open(path: string, options?: Record<string, unknown>): Promise<ChipRuntime>;
  /** What a file of this chip holds, also one that cannot be run. Refuses with FILE what is damaged. */
  inspect(path: string): Promise<FileInspection>;
  /** Cores, memory and axons of a file of this chip, and spikes and operations counted over some batches of input. */
  map?(path: string, inputs?: Iterable<ChipInput>): Promise<ChipMapping>;
  /** What must be compared to prove a file against its prepared network, the strictest first. `dispose` frees what it made. */
  comparisons(prepared: Network): { plans: ComparisonPlan[]; dispose(): void };
}

/** Inputs `[N, ...]` in [0, 1]. */
export interface InputSamples {
  shape: number[];
  data: Float32Array;
}

export interface PrepareOptions {
  /** For choosing scales. */
  calibration?: InputSamples;
  /** Options of the target, as a config holds them. */
  options?: Record<string, unknown>;
}
