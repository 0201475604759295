/** The blocks that Lava's loader makes of a file, as types, and what the walk over its layers carries along. */
import { fail, formatShape } from "../../../core/index.ts";
import { type NetLayerType, placeOf } from "../net/net-file.ts";
import type { DenseSynapse } from "./dense-weights.ts";
import type { NeuronModel, NeuronParameters } from "./neurons/index.ts";

/** One convolution with integer weights [O, I/groups, kH, kW]; input and output [C,H,W]. */
export interface ConvSynapse {
  weights: Int32Array;
  kernel: [number, number];
  stride: [number, number];
  padding: [number, number];
  dilation: [number, number];
  groups: number;
}

export type PlannedSynapse =
  | { kind: "none" }
  | {
      kind: "dense";
      forward: DenseSynapse;
      recurrent: DenseSynapse | null;
      /** Weights into the imaginary part of resonators; `forward` leads into the real part. */
      imaginary: DenseSynapse | null;
      delays: Int32Array | null;
    }
  | { kind: "conv"; conv: ConvSynapse };

/** A layer of the file that spikes. */
export interface Block {
  /** Number of the layer in the file. */
  layer: number;
  type: NetLayerType;
  inputShape: number[];
  outputShape: number[];
  synapse: PlannedSynapse;
  neuron: NeuronParameters;
  /** Messages into this block carry payloads. */
  gradedInput: boolean;
}

export interface Plan {
  blocks: Block[];
  /** [C,H,W] or [F] of one frame. */
  inputShape: number[];
  /** The first block is an input layer with a neuron, which adds no step. */
  ownsInput: boolean;
}

/** What flows while the layers are walked. */
export interface Walk {
  blocks: Block[];
  /** Shape behind the last layer; null before an input is known. */
  shape: number[] | null;
  inputShape: number[] | null;
  flattened: boolean;
  graded: boolean;
  spikeExp: number;
}

export function refuseLayer(layer: number, expected: string, got: string, hint: string): never {
  fail("TARGET", { where: `Loihi, layer ${placeOf(layer)}`, expected, got, hint });
}

/** The features [F] or image [C,H,W] that a layer reads. */
export function expectInput(
  walk: Walk,
  layer: number,
  fits: (shape: number[]) => boolean,
  expected: string,
  hint: string,
): number[] {
  const shape = walk.shape;
  if (!shape || !fits(shape)) refuseLayer(layer, expected, shape ? formatShape(shape) : "no input shape", hint);
  return shape;
}

/** Neurons that send payloads. */
const GRADED_MODELS: readonly NeuronModel[] = ["delta", "sigmaDelta", "sigma"];

export function appendBlock(walk: Walk, block: Block): void {
  walk.blocks.push(block);
  walk.shape = block.outputShape;
  walk.flattened = false;
  walk.graded = GRADED_MODELS.includes(block.neuron.model);
}
