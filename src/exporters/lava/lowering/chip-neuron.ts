/**
 * The neurons that a `.net` file has, with the whole numbers that stand for a prepared network's: decays, threshold, bias, scale. It computes
 * them and says nothing: what is off the grid or out of range is found by the rules.
 */
import { type NeuronKind, type NeuronNode, parseNeuronOptions, variantOf } from "../../../model/index.ts";
import { type SigmaDeltaOptions, sigmaDeltaDefinition } from "../../../quantize/index.ts";
import { DECAY_ONE, STATE_STEPS } from "../chip/neurons/index.ts";

/** What all of them have; numbers in weight steps. */
interface OnGrid {
  /** Weight steps per training unit. */
  scale: number;
  /** Threshold as given and as the neuron uses it. */
  exactThreshold: number;
  threshold: number;
  /** Added to the potential of every channel at every step. */
  bias: number;
}

/** Current-based leaky integrate and fire. Decays in 4096ths, one for all or one for each channel. */
export interface CubaChip extends OnGrid {
  model: "cuba";
  /** Before rounding. */
  exactCurrentDecays: number[];
  exactVoltageDecays: number[];
  currentDecays: number[];
  voltageDecays: number[];
  /** Spikes carry the voltage, which the file cannot say. */
  graded: boolean;
}

export interface SigmaDeltaChip extends OnGrid {
  model: "delta" | "sigmaDelta" | "sigma";
}

export type ChipNeuron = CubaChip | SigmaDeltaChip;

/** At this scale messages and states have the units that Lava's loader gives them: 12 and 18 binary places (its spike_exp is 6). */
export const SIGMA_DELTA_SCALE = 64;

/** Whole numbers of the file's simulation in a training unit of what the neurons send. */
export function unitOf({ model, scale }: ChipNeuron): number {
  if (model === "cuba") return 1;
  return model === "sigma" ? scale * STATE_STEPS ** 2 : scale * STATE_STEPS;
}

/** Kind of the quantizer's sigma-delta neuron, which is no neuron of the model's own list. */
export const SIGMA_DELTA = sigmaDeltaDefinition.kind;
type KnownKind = NeuronKind | typeof SIGMA_DELTA;

type NeuronAnswer = { neuron: (node: NeuronNode) => ChipNeuron } | { refusal: string; rewrite: string };

const USE_CUBA = "Use CubaLIFNode, Loihi's neuron on the integer grid.";
const UNPREPARED = {
  refusal: "It fires at the threshold and computes in floats.",
  rewrite: "Prepare the network for Loihi first.",
};
const HALF = {
  refusal: "It is half a neuron, for a norm between current and voltage.",
  rewrite: "Give the norm to a Block.",
};
const SILENT = { refusal: "It never fires; the format holds neurons that do.", rewrite: USE_CUBA };

/** Every neuron kind: how it is written, or why it cannot be. */
const NEURON_ANSWERS: { [K in NeuronKind]: NeuronAnswer } & Record<string, NeuronAnswer> = {
  CubaLIFNode: { neuron: cubaChip },
  [SIGMA_DELTA]: { neuron: sigmaDeltaChip },
  CubaCurrent: HALF,
  CubaVoltage: HALF,
  IFNode: UNPREPARED,
  LIFNode: UNPREPARED,
  ParametricLIFNode: {
    refusal: "Its leak is learned in floats.",
    rewrite: "Use LIFNode with decayInput false and prepare the network, or CubaLIFNode.",
  },
  KLIFNode: { refusal: "Its potential is scaled by a learned float and cut at 0.", rewrite: USE_CUBA },
  QIFNode: { refusal: "The chip's neuron has no quadratic term.", rewrite: USE_CUBA },
  EIFNode: { refusal: "The chip's neuron has no exponential term.", rewrite: USE_CUBA },
  CUBALIFNode: { refusal: "It computes in floats.", rewrite: USE_CUBA },
  NonSpikingIFNode: SILENT,
  NonSpikingLIFNode: SILENT,
};

/** How a neuron is written, or why it cannot be. */
export function answerFor({ neuron }: NeuronNode): NeuronAnswer {
  const known = Object.hasOwn(NEURON_ANSWERS, neuron) ? NEURON_ANSWERS[neuron as KnownKind] : undefined;
  return known ?? { refusal: "No Loihi neuron is known for it.", rewrite: "Use CubaLIFNode." };
}

/** The neuron as the chip has it; null for kinds it does not have. */
export function chipNeuronOf(node: NeuronNode): ChipNeuron | null {
  const answer = answerFor(node);
  return "neuron" in answer ? answer.neuron(node) : null;
}

/** The numbers are those the neuron's own definition computes with on the chip. */
function cubaChip({ options: given, channelOptions = {} }: NeuronNode): CubaChip {
  const count = Math.max(1, ...Object.values(channelOptions).map(({ length }) => length));
  const channels = Array.from({ length: count }, (_, c) => {
    const own = Object.entries(channelOptions).map(([name, list]) => [name, list[c]]);
    return onChip({ ...given, ...Object.fromEntries(own) });
  });
  const { options, parameter } = channels[0]!;
  return {
    model: "cuba",
    scale: options.scale,
    exactCurrentDecays: channels.map((channel) => channel.options.currentDecay * DECAY_ONE),
    exactVoltageDecays: channels.map((channel) => channel.options.voltageDecay * DECAY_ONE),
    currentDecays: channels.map((channel) => channel.parameter("currentDecay")),
    voltageDecays: channels.map((channel) => channel.parameter("voltageDecay")),
    exactThreshold: options.vThreshold * options.scale,
    threshold: parameter("thresholdGrid") / STATE_STEPS,
    bias: parameter("biasGrid") / STATE_STEPS,
    graded: options.gradedSpike,
  };
}

function onChip(json: unknown) {
  const options = parseNeuronOptions("CubaLIFNode", json);
  const { params, paramNames } = variantOf("CubaLIFNode", options, "chip");
  return { options, parameter: (name: string) => params[paramNames.indexOf(name)]! };
}

function sigmaDeltaChip({ options }: NeuronNode): SigmaDeltaChip {
  const { part, scale, threshold } = options as Pick<SigmaDeltaOptions, "part" | "scale" | "threshold">;
  return {
    model: part,
    scale,
    exactThreshold: threshold * scale,
    threshold: Math.trunc(threshold * scale),
    bias: 0,
  };
}

/** True where neither current nor voltage is ever rounded: nothing decays, or all of it at once. */
export const isUnrounded = (neuron: ChipNeuron): boolean =>
  neuron.model === "cuba" &&
  hasNoCurrentMemory(neuron) &&
  neuron.voltageDecays.every((decay) => decay === 0 || decay === DECAY_ONE);

export const hasNoCurrentMemory = ({ currentDecays }: CubaChip): boolean =>
  currentDecays.every((decay) => decay === DECAY_ONE);

/**
 * Weights or biases in steps of 1/scale; whole where they are on the grid. Exact: scale is a power of two. A plain loop: matrices have millions
 * of weights, and `from` with a function is twenty times slower.
 */
export function inSteps(values: Float32Array, scale: number): Float64Array {
  const steps = new Float64Array(values.length);
  for (let i = 0; i < steps.length; i++) steps[i] = values[i]! * scale;
  return steps;
}
