/**
 * What a Lava DL `.net` file holds, as types: its layers and neurons with the numbers as they stand in the file. It neither reads, judges
 * nor runs them. Axes: O outputs, I inputs, C channels, H height, W width; every vector over space is [y, x].
 * Source: lava-dl, `netx/hdf5.py` and the `export_hdf5` methods of `slayer/block`.
 */
import { sizeOf } from "../../../core/index.ts";

/** Numbers of a dataset in row-major order; a scalar has the shape []. */
export interface NetArray {
  shape: number[];
  data: Float64Array;
}

export type NetValue = NetArray | string;

interface WithExtras {
  /** Members that Lava's loader does not read, by name: `refDelay`, `gradedSpike`, old exports' `wgtExp`, unknown ones. */
  extras: Record<string, NetValue>;
}

/** Current-based leaky integrate and fire. `LOIHI` is the name in older exports. */
export interface CubaNeuron extends WithExtras {
  type: "CUBA" | "LOIHI";
  /** Decays in 4096ths: one number, or one per neuron (dense) or channel (conv). */
  iDecay: NetArray;
  vDecay: NetArray;
  /** Threshold in weight steps. */
  vThMant: number;
}

export interface SigmaDeltaNeuron extends WithExtras {
  type: "SDNN";
  /** Name of the trained function; the chip model is always ReLU. */
  activation: string;
  vThMant: number;
  sigmaOutput: boolean;
}

/** Resonate and fire. The adaptive ones are loaded by netx as if they were not. */
export interface ResonatorNeuron extends WithExtras {
  type: "RF_PHASE" | "RF_IZHIKEVICH" | "ADRF_PHASE" | "ADRF_IZHIKEVICH";
  sinDecay: NetArray;
  cosDecay: NetArray;
  vThMant: number;
}

/** Adaptive LIF, which netx cannot load. */
export interface AdaptiveNeuron extends WithExtras {
  type: "ALIF";
  iDecay: NetArray;
  vDecay: NetArray;
  vThMant: number;
}

export type NetNeuron = CubaNeuron | SigmaDeltaNeuron | ResonatorNeuron | AdaptiveNeuron;
export type NetNeuronType = NetNeuron["type"];

export interface InputLayer extends WithExtras {
  type: "input";
  /** [C,H,W] or [F] */
  shape: number[];
  weight: number | null;
  bias: number | null;
  neuron: NetNeuron | null;
}

export interface FlattenLayer extends WithExtras {
  type: "flatten";
  shape: number[] | null;
}

interface DenseParts extends WithExtras {
  /** [O], or O times ones. */
  shape: number[];
  /** [O,I] */
  weight: NetArray;
  bias: NetArray | null;
  /** Steps: one number, per output, per input or [O,I]. */
  delay: NetArray | null;
  neuron: NetNeuron | null;
}
export interface DenseLayer extends DenseParts {
  type: "dense";
  /** Imaginary part of the weights, for resonators. */
  imaginary: NetArray | null;
}
export interface RecurrentLayer extends DenseParts {
  type: "dense_rec";
  /** [O,O] */
  weightRec: NetArray;
}

export interface ConvLayer extends WithExtras {
  type: "conv" | "convT";
  /** [C,H,W] of the output. */
  shape: number[];
  /** conv [O, I/groups, kH, kW], convT [I, O/groups, kH, kW] */
  weight: NetArray;
  stride: [number, number];
  padding: [number, number];
  dilation: [number, number];
  groups: number;
  /** One number, [C] or [C,H,W] (stored by netx as W,H,C). */
  bias: NetArray | null;
  delay: NetArray | null;
  neuron: NetNeuron;
}

export interface PoolLayer extends WithExtras {
  type: "pool" | "unpool";
  shape: number[];
  kernelSize: [number, number];
  stride: [number, number];
  padding: [number, number];
  dilation: [number, number];
  /** [1,1,kH,kW] */
  weight: NetArray;
  delay: NetArray | null;
  neuron: NetNeuron;
}

export interface AverageLayer extends WithExtras {
  type: "average";
  shape: number[];
}

export interface ConcatLayer extends WithExtras {
  type: "concat";
  shape: number[] | null;
  layers: number[] | null;
}

/** A type that netx names but cannot build, and nothing writes. */
export interface ComplexLayer extends WithExtras {
  type: "dense_comp";
}

export type NetLayer =
  | InputLayer
  | FlattenLayer
  | DenseLayer
  | RecurrentLayer
  | ConvLayer
  | PoolLayer
  | AverageLayer
  | ConcatLayer
  | ComplexLayer;
export type NetLayerType = NetLayer["type"];

/** The layer type of a name, for exhaustive tables. */
export type LayerOf<T extends NetLayerType> = Extract<NetLayer, { type: T }>;

export interface NetFile {
  layers: NetLayer[];
  /** Steps per sample, in older exports. */
  simulation: { ts: number; tSample: number } | null;
  /** Places outside of the layers that the format does not know; they are not written again. Absent when there are none. */
  strangers?: string[];
}

/** A layer or one of its members as it is named in messages: `/layer/2/weight`. */
export function placeOf(layer: number, member?: string): string {
  return member === undefined ? `/layer/${layer}` : `/layer/${layer}/${member}`;
}

export function scalar(value: number): NetArray {
  return { shape: [], data: Float64Array.of(value) };
}

/** Throws a plain error when the numbers do not fill the shape: a mistake of the program, not of a file. */
export function netArray(shape: number[], data: ArrayLike<number>): NetArray {
  if (data.length !== sizeOf(shape)) throw new Error(`${data.length} numbers do not fill [${shape}]`);
  return { shape, data: Float64Array.from(data) };
}

/** The neuron of a layer, where it has one. */
export function neuronOf(layer: NetLayer): NetNeuron | null {
  return "neuron" in layer ? layer.neuron : null;
}
