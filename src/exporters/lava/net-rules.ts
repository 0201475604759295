/**
 * Design rules over a `.net` file, whoever wrote it: what Lava's loader refuses, drops or gets wrong, and what the chip cannot hold though
 * the simulation can. One named function each. That a file is whole and consistent is checked when it is read.
 */
import { nearestName, SpikeshipError } from "../../core/index.ts";
import type { Finding } from "../target.ts";
import type { Block } from "./blocks.ts";
import { STATE_STEPS } from "./chip-neurons.ts";
import { effectiveWeights, loadDense, WEIGHT_MAX, WEIGHT_MIN } from "./dense-weights.ts";
import { BIAS_MAX, BIAS_MIN, THRESHOLD_MAX } from "./limits.ts";
import { type NetArray, type NetFile, type NetLayer, type NetValue, neuronOf, placeOf } from "./net-file.ts";
import { type Drive, driveOf, registerBounds } from "./overflow.ts";
import { planNet } from "./plan.ts";
import { DELAY_MAX } from "./plan-blocks.ts";

const LOADER = "lava-dl netx/hdf5.py";
const LIF_MODEL = "lava proc/lif/models.py";
const SYNAPSE = "lava-dl slayer/utils/quantize.py and netx/utils.py";

export type NetRule = (net: NetFile) => Finding[];

type Judgement = { severity: Finding["severity"]; member?: string; message: string; rewrite: string } | null;

/** A rule about each layer. */
const eachLayer =
  (rule: string, source: string, judge: (layer: NetLayer, index: number) => Judgement[]): NetRule =>
  ({ layers }) =>
    layers.flatMap((layer, index) =>
      judge(layer, index)
        .filter((judgement) => judgement !== null)
        .map(({ severity, member, message, rewrite }) => ({
          rule: `loihi/${rule}`,
          severity,
          place: placeOf(index, member),
          message,
          source,
          rewrite,
        })),
    );

/** The arrays of a layer that hold weights. */
function weightsOf(layer: NetLayer): [string, NetArray][] {
  if (layer.type === "dense" && layer.imaginary)
    return [
      ["weight/real", layer.weight],
      ["weight/imag", layer.imaginary],
    ];
  if (layer.type === "dense_rec")
    return [
      ["weight", layer.weight],
      ["weight_rec", layer.weightRec],
    ];
  return "weight" in layer && layer.weight !== null && typeof layer.weight === "object"
    ? [["weight", layer.weight]]
    : [];
}

const biasOf = (layer: NetLayer): NetArray | null =>
  "bias" in layer && typeof layer.bias === "object" ? layer.bias : null;
const delayOf = (layer: NetLayer): NetArray | null => ("delay" in layer ? layer.delay : null);

const countOf = (array: NetArray, wrong: (value: number) => boolean): number =>
  array.data.reduce((n, value) => n + (wrong(value) ? 1 : 0), 0);

/** Lava loads resonators, which only the simulator here lacks. */
const hasResonators = ({ layers }: NetFile): boolean => layers.some((layer) => neuronOf(layer)?.type.startsWith("RF_"));

/** Only what Lava's loader can build runs at all. */
export const loadable: NetRule = (net) => {
  try {
    planNet(net);
    return [];
  } catch (error) {
    if (!(error instanceof SpikeshipError) || error.code !== "TARGET") throw error;
    const { where, expected, got, hint } = error.facts;
    const place = /\/layer\/\d+/.exec(where)?.[0] ?? "/layer";
    return [
      {
        rule: "loihi/loadable",
        severity: hasResonators(net) ? "warning" : "error",
        place,
        message: `Expected ${expected}, got ${got}.`,
        source: LOADER,
        ...(hint ? { rewrite: hint } : {}),
      },
    ];
  }
};

export const wholeWeights = eachLayer("whole-weights", LOADER, (layer) =>
  [...weightsOf(layer), ["bias", biasOf(layer)] as const, ["delay", delayOf(layer)] as const].map(([member, array]) => {
    const count = array ? countOf(array, (value) => !Number.isInteger(value)) : 0;
    const message = `${count} numbers have fractions, which Lava's loader cuts off.`;
    return count === 0 ? null : { severity: "warning", member, message, rewrite: "Write whole numbers." };
  }),
);

/** Odd weights simulate as they are, but take a ninth bit that the chip does not have. */
export const weightGrid = eachLayer("weight-grid", SYNAPSE, (layer) =>
  weightsOf(layer).map(([member, array]) => {
    const count = countOf(array, (value) => Math.trunc(value) % 2 !== 0);
    const message = `${count} of ${array.data.length} weights are odd; the chip holds signed weights in steps of two.`;
    return count === 0 ? null : { severity: "warning", member, message, rewrite: "Write even weights." };
  }),
);

export const weightRange = eachLayer("weight-range", SYNAPSE, (layer) =>
  weightsOf(layer).map(([member, array]) => {
    const count = countOf(array, (value) => Math.trunc(value) < WEIGHT_MIN || Math.trunc(value) > WEIGHT_MAX);
    const message = `${count} of ${array.data.length} weights lie outside ${WEIGHT_MIN} to ${WEIGHT_MAX}; the chip cannot hold them.`;
    return count === 0 ? null : { severity: "error", member, message, rewrite: "Use a smaller scale." };
  }),
);

/** What Lava's loader makes of a matrix, against what the file says. */
export const densePrecision = eachLayer("dense-precision", "lava-dl netx/utils.py, optimize_weight_bits", (layer) => {
  const matrices = layer.type === "dense" || layer.type === "dense_rec" ? weightsOf(layer) : [];
  const loaded = layer.type === "dense_rec" ? loadDense(matrices.map(([, array]) => array)) : null;
  return matrices.map(([member, array], i) => {
    const synapse = loaded?.[i] ?? loadDense([array])?.[0];
    if (!synapse) return null;
    const effective = effectiveWeights(synapse);
    const changed = array.data.reduce((n, value, at) => n + (Math.trunc(value) === effective[at] ? 0 : 1), 0);
    const message = `Lava's loader changes ${changed} of ${effective.length} weights.`;
    const rewrite = "Give the layer weights of both signs, within the range.";
    return changed === 0 ? null : { severity: "warning", member, message, rewrite };
  });
});

export const thresholdRange = eachLayer("threshold-range", LIF_MODEL, (layer) => {
  const neuron = neuronOf(layer);
  if (!neuron || (neuron.vThMant >= 0 && neuron.vThMant <= THRESHOLD_MAX)) return [];
  const message = `The threshold ${neuron.vThMant} lies outside 0 to ${THRESHOLD_MAX}; the simulation takes it, the chip's 17 bits do not.`;
  return [{ severity: "warning", member: "neuron/vThMant", message, rewrite: "Use a smaller scale or threshold." }];
});

/** Lava's model takes 0 to 4096 for both; the registers of Loihi 1 lack one end each. */
export const decayRange = eachLayer("decay-range", LIF_MODEL, (layer) => {
  const neuron = neuronOf(layer);
  if (neuron?.type !== "CUBA" && neuron?.type !== "LOIHI") return [];
  return (["iDecay", "vDecay"] as const).map((member) => {
    const outside = countOf(neuron[member], (decay) => decay < 0 || decay > 4096);
    const [least, most] = member === "iDecay" ? [1, 4096] : [0, 4095];
    const unheld = countOf(neuron[member], (decay) => decay < least || decay > most);
    const message = `${unheld} decays lie outside ${least} to ${most}, which Loihi 1 holds.`;
    const severity = outside > 0 ? "error" : "warning";
    return unheld === 0
      ? null
      : { severity, member: `neuron/${member}`, message, rewrite: "Choose a decay within the range." };
  });
});

export const biasRange = eachLayer("bias-range", LIF_MODEL, (layer) => {
  const bias = biasOf(layer);
  const count = bias ? countOf(bias, (value) => Math.trunc(value) < BIAS_MIN || Math.trunc(value) > BIAS_MAX) : 0;
  const message = `${count} biases lie outside ${BIAS_MIN} to ${BIAS_MAX}; beyond 16 bits they wrap around.`;
  return [count === 0 ? null : { severity: "warning", member: "bias", message, rewrite: "Use a smaller scale." }];
});

export const biasAlignment = eachLayer("bias-alignment", LOADER, (layer) => {
  const biased = neuronOf(layer)?.type !== "SDNN" && biasOf(layer)?.data.some((value) => Math.trunc(value) !== 0);
  const message =
    "Biases act before the first frame arrives: run with a reset interval whose reset falls on the first frame of a sample.";
  return [
    biased
      ? {
          severity: "note",
          member: "bias",
          message,
          rewrite: "Use reset_offset 1, or 0 when the network begins with an input neuron.",
        }
      : null,
  ];
});

export const delays = eachLayer("delay", LOADER, (layer) => {
  const delay = delayOf(layer);
  const count = delay ? countOf(delay, (steps) => steps > DELAY_MAX) : 0;
  const message = `${count} delays exceed ${DELAY_MAX} steps, to which Lava's loader clips them.`;
  return [
    count === 0 ? null : { severity: "warning", member: "delay", message, rewrite: "Clip the delays in training." },
  ];
});

/** An input neuron's own weight and bias are left to the caller. */
export const inputTransform = eachLayer("input-transform", LOADER, (layer) => {
  const transforms =
    layer.type === "input" &&
    layer.neuron !== null &&
    layer.neuron.type !== "SDNN" &&
    (layer.weight !== null || layer.bias !== null);
  const message =
    "Lava's loader does not apply the input layer's weight and bias: the input must be given as weight times value plus bias.";
  return [transforms ? { severity: "note", message, rewrite: "Multiply the input before it is sent." } : null];
});

/** Members that change what was trained and that Lava's loader does not read, with the value that means nothing. */
const IGNORED: Record<string, string | number> = {
  refDelay: 1,
  gradedSpike: 0,
  weight_exp: 0,
  wgtExp: 0,
  activation: "relu",
};
/** Members that are known to mean nothing on the chip. */
const HARMLESS = ["scaleRho", "tauRho", "theta", "thDecay", "refDecay", "vThStep", "messageBits"];

export const ignoredMembers = eachLayer("ignored-member", LOADER, (layer) => {
  const neuron = neuronOf(layer);
  const ofNeuron: Record<string, NetValue> = { ...neuron?.extras };
  if (neuron?.type === "SDNN") ofNeuron.activation = neuron.activation;
  const members: [string, NetValue][] = [
    ...Object.entries(layer.extras),
    ...Object.entries(ofNeuron).map(([name, value]): [string, NetValue] => [`neuron/${name}`, value]),
  ];
  return members.map(([member, value]) => judgeMember(member, value));
});

function judgeMember(member: string, value: NetValue): Judgement {
  const name = member.replace("neuron/", "");
  if (HARMLESS.includes(name)) return null;
  if (!Object.hasOwn(IGNORED, name)) {
    const near = nearestName(name, [
      "weight",
      "weight_rec",
      "bias",
      "delay",
      "neuron",
      ...Object.keys(IGNORED),
      "iDecay",
      "vDecay",
      "vThMant",
    ]);
    const message = `"${name}" is not known and not read.`;
    return { severity: "warning", member, message, rewrite: near ? `Did you mean "${near}"?` : "Remove it." };
  }
  const neutral = IGNORED[name]!;
  const same = typeof value === "string" ? value === neutral : value.data.every((number) => number === neutral);
  const message = `${name} is ${typeof value === "string" ? value : value.data.join(", ")}, but Lava's loader runs as if it were ${neutral}.`;
  return same ? null : { severity: "warning", member, message, rewrite: "Train without it." };
}

/** Largest sums into one neuron of a block in one step, for spikes of size 1. */
function driveOfBlock({ synapse, outputShape }: Block): Drive {
  if (synapse.kind === "none") return { positive: 0, negative: 0 };
  if (synapse.kind === "conv") return driveOf(synapse.conv.weights, outputShape[0]!);
  const drives = [synapse.forward, synapse.recurrent]
    .filter((matrix) => matrix !== null)
    .map((matrix) => driveOf(effectiveWeights(matrix), matrix.outputs));
  return {
    positive: sum(drives.map(({ positive }) => positive)),
    negative: sum(drives.map(({ negative }) => negative)),
  };
}
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** The worst case over all spike inputs, where a leak bounds it. Without a leak the simulator tells whether data reach it. */
export const registerOverflow: NetRule = (net) => {
  if (loadable(net).length > 0) return [];
  return planNet(net).blocks.flatMap((block) => {
    const { layer, neuron, gradedInput } = block;
    if (neuron.model !== "cuba" || gradedInput) return [];
    const slowest = (decays: Int32Array) => decays.reduce((a, b) => Math.min(a, b));
    const leak = {
      currentDecay: slowest(neuron.currentDecay),
      voltageDecay: slowest(neuron.voltageDecay),
      threshold: neuron.threshold,
    };
    const { current } = registerBounds(driveOfBlock(block), leak, { min: 0, max: 0 }, 1);
    const message = `The current can reach ${Math.ceil(current / STATE_STEPS)} weight steps and wraps around beyond ${2 ** 23 / STATE_STEPS}.`;
    const finding: Finding = {
      rule: "loihi/register-overflow",
      severity: "warning",
      place: placeOf(layer),
      message,
      source: LIF_MODEL,
    };
    return current > 2 ** 23 ? [finding] : [];
  });
};

export const netRules: readonly NetRule[] = [
  loadable,
  wholeWeights,
  weightGrid,
  weightRange,
  densePrecision,
  thresholdRange,
  decayRange,
  biasRange,
  biasAlignment,
  delays,
  inputTransform,
  ignoredMembers,
  registerOverflow,
];
