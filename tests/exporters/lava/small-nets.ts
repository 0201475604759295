/** Tiny `.net` networks for tests of single properties: an input of two numbers and one layer, changed as a test likes. */
import {
  type ConvLayer,
  type CubaNeuron,
  type DenseLayer,
  type NetFile,
  type NetLayer,
  netArray,
  type PoolLayer,
  type ResonatorNeuron,
  type SigmaDeltaNeuron,
  scalar,
} from "../../../src/exporters/lava/net/net-file.ts";

export const cuba: CubaNeuron = { type: "CUBA", iDecay: scalar(4096), vDecay: scalar(0), vThMant: 64, extras: {} };
export const sigmaDelta: SigmaDeltaNeuron = {
  type: "SDNN",
  activation: "relu",
  vThMant: 6,
  sigmaOutput: false,
  extras: {},
};
/** Decays that every machine loads as 400 and 3900. */
export const resonator: ResonatorNeuron = {
  type: "RF_PHASE",
  sinDecay: scalar(400.5),
  cosDecay: scalar(3900.5),
  vThMant: 64,
  extras: {},
};
export const dense: DenseLayer = {
  type: "dense",
  shape: [2],
  weight: netArray([2, 2], [2, -4, 6, 8]),
  imaginary: null,
  bias: null,
  delay: null,
  neuron: cuba,
  extras: {},
};
export const conv: ConvLayer = {
  type: "conv",
  shape: [1, 2, 2],
  weight: netArray([1, 1, 1, 1], [6]),
  stride: [1, 1],
  padding: [0, 0],
  dilation: [1, 1],
  groups: 1,
  bias: null,
  delay: null,
  neuron: cuba,
  extras: {},
};
export const pool: PoolLayer = {
  type: "pool",
  shape: [1, 1, 1],
  kernelSize: [2, 2],
  stride: [2, 2],
  padding: [0, 0],
  dilation: [1, 1],
  weight: netArray([1, 1, 2, 2], [64, 64, 64, 64]),
  delay: null,
  neuron: cuba,
  extras: {},
};

export const inputOf = (...shape: number[]): NetLayer => ({
  type: "input",
  shape,
  weight: null,
  bias: null,
  neuron: null,
  extras: {},
});
export const file = (...layers: NetLayer[]): NetFile => ({ layers: [inputOf(2), ...layers], simulation: null });
export const imageFile = (...layers: NetLayer[]): NetFile => ({
  layers: [inputOf(1, 2, 2), ...layers],
  simulation: null,
});
export const denseFile = (changes: Partial<DenseLayer> = {}): NetFile => file({ ...dense, ...changes });
export const withNeuron = (changes: Partial<CubaNeuron>): NetFile => denseFile({ neuron: { ...cuba, ...changes } });
export const resonators = (changes: Partial<ResonatorNeuron> = {}): NetFile =>
  denseFile({ imaginary: netArray([2, 2], [2, -4, 6, 8]), neuron: { ...resonator, ...changes } });
