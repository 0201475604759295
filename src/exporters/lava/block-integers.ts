/**
 * The whole numbers that stand for a block of a prepared network in a `.net` file: weights, decays, threshold and bias on the chip's grid.
 * It computes them and says nothing: what is off the grid or out of range is found by the rules.
 */
import { type NeuronKind, parseNeuronOptions, variantOf } from "../../model/index.ts";
import type { BlockPart } from "./chain.ts";
import { STATE_STEPS } from "./neurons/index.ts";

/** A decay of 1 in the chip's twelve bits. */
export const FULL_DECAY = 4096;

/** What the rules and the lowering read of a neuron that Loihi has. */
export interface ChipNeuron {
  /** Weight steps per training unit. */
  scale: number;
  /** Decays in 4096ths before and after rounding. */
  exactCurrentDecay: number;
  exactVoltageDecay: number;
  currentDecay: number;
  voltageDecay: number;
  /** Threshold in weight steps, as given and as the neuron uses it. */
  exactThreshold: number;
  threshold: number;
  /** Added to the voltage every step, weight steps. */
  bias: number;
}

type NeuronAnswer = { neuron: (options: unknown) => ChipNeuron } | { refusal: string; rewrite: string };

const USE_CUBA = "Use CubaLIFNode, Loihi's neuron on the integer grid.";

/** Every neuron kind: how it is written, or why it cannot be. */
export const NEURON_ANSWERS: { [K in NeuronKind]: NeuronAnswer } = {
  CubaLIFNode: { neuron: cubaNeuron },
  CubaCurrent: {
    refusal: "A norm between current and voltage is not lowered.",
    rewrite: "Use CubaLIFNode without a norm.",
  },
  CubaVoltage: {
    refusal: "A norm between current and voltage is not lowered.",
    rewrite: "Use CubaLIFNode without a norm.",
  },
  IFNode: {
    refusal: "It fires at the threshold and computes in floats.",
    rewrite: "Prepare the network for Loihi first.",
  },
  LIFNode: {
    refusal: "It fires at the threshold and computes in floats.",
    rewrite: "Prepare the network for Loihi first.",
  },
  ParametricLIFNode: {
    refusal: "Its leak is learned in floats.",
    rewrite: "Use LIFNode with decayInput false and prepare the network, or CubaLIFNode.",
  },
  KLIFNode: { refusal: "Its potential is scaled by a learned float and cut at 0.", rewrite: USE_CUBA },
  QIFNode: { refusal: "The chip's neuron has no quadratic term.", rewrite: USE_CUBA },
  EIFNode: { refusal: "The chip's neuron has no exponential term.", rewrite: USE_CUBA },
  CUBALIFNode: { refusal: "It computes in floats.", rewrite: USE_CUBA },
  NonSpikingIFNode: { refusal: "It never fires; the format holds neurons that do.", rewrite: USE_CUBA },
  NonSpikingLIFNode: { refusal: "It never fires; the format holds neurons that do.", rewrite: USE_CUBA },
};

/** The numbers are those the neuron's own definition computes with on the chip. */
function cubaNeuron(json: unknown): ChipNeuron {
  const options = parseNeuronOptions("CubaLIFNode", json);
  const { params, paramNames } = variantOf("CubaLIFNode", options, "chip");
  const parameter = (name: string) => params[paramNames.indexOf(name)]!;
  return {
    scale: options.scale,
    exactCurrentDecay: options.currentDecay * FULL_DECAY,
    exactVoltageDecay: options.voltageDecay * FULL_DECAY,
    currentDecay: parameter("currentDecay"),
    voltageDecay: parameter("voltageDecay"),
    exactThreshold: options.vThreshold * options.scale,
    threshold: parameter("thresholdGrid") / STATE_STEPS,
    bias: parameter("biasGrid") / STATE_STEPS,
  };
}

/** The neuron of a block as the chip has it; null for kinds it does not have. */
export function chipNeuronOf(block: BlockPart): ChipNeuron | null {
  const answer = NEURON_ANSWERS[block.neuron.neuron as NeuronKind];
  return answer && "neuron" in answer ? answer.neuron(block.neuron.options) : null;
}

/** Weights or biases in steps of 1/scale; whole where they are on the grid. Exact: scale is a power of two. */
export function inSteps(values: Float32Array, scale: number): Float64Array {
  return Float64Array.from(values, (value) => value * scale);
}
