/**
 * What a chip must answer to be a deployment target. One folder per chip implements it; `verify`, `report` and the command line
 * know chips only through this interface.
 */
import type { Network } from "../model/index.ts";
import type { QuantizationStudy } from "../quantize/index.ts";
import type { Finding, LossyStep } from "./findings.ts";
import type { ChipInput, ChipRuntime, RunMode } from "./runs.ts";

export type * from "./findings.ts";
export type * from "./runs.ts";

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
