/** What a report on the quantization of a network needs of a target: the networks between the trained one and its twin. */
import type { Network } from "../model/index.ts";

/** What preparing a network changed, one entry for each step and place: nothing is folded, merged or rounded silently. */
export interface Change {
  /** Path of the layer. */
  place: string;
  what: string;
  /** Numbers affected. */
  count: number;
  /** The function is the same; float sums may differ in their last bits. */
  exact: boolean;
}

/** What quantization did to the numbers of one layer. Steps are the chip's whole numbers. */
export interface QuantizedLayer {
  /** Path of the block. */
  place: string;
  /** Kind of the synapse. */
  synapse: string;
  /** Weight steps per unit of training. */
  scale: number;
  /** Weight steps, and what was cut off, in weight steps. */
  threshold: number;
  thresholdCut: number;
  weights: number;
  /** Weights that were no even number of steps, and those beyond what the chip holds. */
  rounded: number;
  clipped: number;
  /** Largest change of a weight by rounding and clipping, in weight steps; sum of squares of the changes over that of the weights. */
  largestChange: number;
  relativeError: number;
  biases: number;
  /** Biases that were no whole number of steps or beyond what the chip holds, and those beyond. */
  roundedBiases: number;
  clippedBiases: number;
  /** Largest correction of a bias in weight steps. */
  biasCorrection: number;
}

/** The networks of a study are its own, but for the twin, which is the caller's. */
export interface QuantizationStudy {
  /** In float, in the form the chip can hold. */
  folded: Network;
  /** Fully quantized. */
  twin: Network;
  changes: Change[];
  /** In the order of the network. */
  layers: QuantizedLayer[];
  /** A new network in which the layer at `place` alone is quantized; the caller disposes of it. */
  only(place: string): Network;
  /** Frees all but the twin. */
  dispose(): void;
}
