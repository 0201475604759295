/** Rules about what layers a `.net` file has and how they follow each other: what the loader refuses, ignores or does not know. */
import { nearestName, SpikeshipError } from "../../../core/index.ts";
import type { Plan } from "../chip/blocks.ts";
import { planNet } from "../chip/plan.ts";
import { DELAY_MAX } from "../chip/plan-blocks.ts";
import { windowOutput } from "../chip/window.ts";
import { type NetFile, type NetLayer, neuronOf, type PoolLayer } from "../net/net-file.ts";
import { actsAtAll, biasOf, countOf, delayOf, eachLayer, type Judgement, LOADER, type NetRule } from "./judge.ts";
import { adaptiveNeurons } from "./neurons.ts";

/** Why netx has no block for a layer type, and the way out. */
const UNSUPPORTED: Partial<Record<NetLayer["type"], string>> = {
  pool: "Write a sum pool as a conv layer with one group per channel.",
  convT: "Unroll a small transposed convolution into a dense layer.",
  unpool: "Repeat the inputs of the layer behind it; there is no equivalent in the format.",
  average: "Average the output outside of the network.",
  concat: "Give the next layer the weights of both; there is no equivalent in the format.",
  dense_comp: "Write complex weights as a dense layer's weight/real and weight/imag.",
};

const unsupportedLayers = eachLayer({ rule: "unsupported-layer", discrepancy: 28, source: LOADER }, (layer) => {
  const rewrite = UNSUPPORTED[layer.type];
  const message = `Lava's loader cannot build a layer of type ${layer.type}.`;
  return rewrite ? [{ severity: "error", member: "type", message, rewrite }] : [];
});

/** slayer's pool is a sum pool only without overlap, padding and dilation; otherwise its windows straddle channels. */
export const poolGeometry = eachLayer(
  { rule: "pool-geometry", discrepancy: 12, source: "lava-dl slayer/synapse/layer.py, Pool" },
  (layer, index, net) => {
    if (layer.type !== "pool") return [];
    const { kernelSize, stride, padding, dilation } = layer;
    const plain = [0, 1].every(
      (axis) => stride[axis] === kernelSize[axis] && padding[axis] === 0 && dilation[axis] === 1,
    );
    const input = shapeBefore(net.layers, index);
    const expected = input && windowOutput(input.slice(1), layer);
    const padded = expected?.some((size, axis) => size !== layer.shape[axis + 1]) ?? false;
    const straddles = "Windows that overlap, are padded or dilated mix channels in slayer.";
    const grows = `slayer pads at the end: ${layer.shape.slice(1).join("x")} where other frameworks give ${expected?.join("x")}.`;
    const rewrite = "Define it as a conv layer with one group per channel, in training too.";
    if (plain && !padded) return [];
    return [{ severity: "warning", message: plain ? grows : straddles, rewrite }];
  },
);

/** Shape [C,H,W] that a layer reads, where the file says it. */
function shapeBefore(layers: readonly NetLayer[], index: number): number[] | null {
  const before = layers[index - 1];
  return before && "shape" in before && before.shape?.length === 3 ? before.shape : null;
}

/** The largest even weight of eight bits with sign. */
const POOL_CLAMP = 254;

/** A pool sums with the weight 1.0, which is `scale` steps: from 256 on it does not fit. */
export const poolWeight = eachLayer(
  { rule: "pool-weight", discrepancy: 13, source: "lava-dl slayer/synapse/layer.py, Pool" },
  (layer) => {
    const clamped = layer.type === "pool" && (layer as PoolLayer).weight.data.some((weight) => weight >= POOL_CLAMP);
    const message = `The pool's weight stands at ${POOL_CLAMP}, the end of the range: at scales from 256 on it is less than the 1.0 of SpikingJelly.`;
    return clamped ? [{ severity: "warning", member: "weight", message, rewrite: "Use a smaller scale." }] : [];
  },
);

const convDelays = eachLayer({ rule: "conv-delay", discrepancy: 23, source: LOADER }, (layer) => {
  const message = "Lava ignores the delays of a conv layer without a word.";
  const rewrite = "Move them to the inputs of a dense layer behind it.";
  return layer.type === "conv" && layer.delay ? [{ severity: "error", member: "delay", message, rewrite }] : [];
});

const recurrentDelays = eachLayer({ rule: "recurrent-delay", discrepancy: 24, source: LOADER }, (layer) => {
  const message = "With delays the currents of a recurrent layer come out too large, or Lava's loader fails.";
  return layer.type === "dense_rec" && layer.delay
    ? [{ severity: "error", member: "delay", message, rewrite: "Remove the delays." }]
    : [];
});

/** Fractions are found with those of weights. */
export const longDelays = eachLayer({ rule: "delay", discrepancy: 25, source: LOADER }, (layer) => {
  const delay = delayOf(layer);
  const count = delay ? countOf(delay, (steps) => steps > DELAY_MAX) : 0;
  const message = `${count} delays exceed ${DELAY_MAX} steps, to which Lava's loader clips them.`;
  const rewrite = "Clip the delays in training.";
  return count === 0 ? [] : [{ severity: "warning", member: "delay", message, rewrite }];
});

/** The chip's own range of delays: six bits. Loihi 1's field has fewer than eight. */
const messageBits = eachLayer({ rule: "message-bits", discrepancy: 26, source: LOADER }, (layer) => {
  const message = "Lava's loader hands messageBits on unread, and its simulation dies of it.";
  return neuronOf(layer)?.extras.messageBits
    ? [{ severity: "error", member: "neuron/messageBits", message, rewrite: "Remove it." }]
    : [];
});

/** An input neuron's own weight and bias are left to the caller, who must send whole numbers. */
export const inputTransform = eachLayer({ rule: "input-transform", discrepancy: 31, source: LOADER }, (layer) => {
  const transforms = layer.type === "input" && layer.neuron !== null && layer.neuron.type !== "SDNN";
  const present = layer.type === "input" && (layer.weight !== null || layer.bias !== null);
  const message =
    "Lava's loader does not apply the input layer's weight and bias: the input must be given as weight times value plus bias, in whole numbers.";
  return transforms && present ? [{ severity: "note", message, rewrite: "Multiply the input before it is sent." }] : [];
});

/** Members that Lava's loader does not read and that change nothing on the chip, or that have rules of their own. */
const KNOWN = [
  ..."scaleRho tauRho theta thDecay refDecay vThStep".split(" "),
  ..."refDelay wgtExp activation gradedSpike weight_exp messageBits".split(" "),
];
const MEMBERS =
  "shape weight weight_rec bias delay neuron stride padding dilation groups iDecay vDecay vThMant sinDecay cosDecay".split(
    " ",
  );

export const unknownMembers = eachLayer({ rule: "unknown-member", source: LOADER }, (layer) => {
  const inNeuron = Object.keys(neuronOf(layer)?.extras ?? {});
  const members = [...Object.keys(layer.extras), ...inNeuron.map((name) => `neuron/${name}`)];
  return members.map((member): Judgement | null => {
    const name = member.replace("neuron/", "");
    if (KNOWN.includes(name)) return null;
    const near = nearestName(name, [...MEMBERS, ...KNOWN]);
    const rewrite = near ? `Did you mean "${near}"?` : "Remove it.";
    return { severity: "warning", member, message: `"${name}" is not known and not read.`, rewrite };
  });
});

/** What stands beside the layers. */
export const strangers: NetRule = ({ strangers: places = [] }) =>
  places.map((place) => ({
    rule: "loihi/stranger",
    severity: "warning",
    place,
    message: "It is no part of the format and not read.",
    source: LOADER,
    rewrite: "Remove it; layers belong into /layer.",
  }));

/** Its constructor has no place for them. */
const sigmaBias = eachLayer({ rule: "sigma-bias", source: "lava proc/sdn/process.py, Sigma" }, (layer) => {
  const sums = "neuron" in layer && layer.neuron?.type === "SDNN" && layer.neuron.sigmaOutput;
  const message = "A sigma output takes no biases: Lava's loader fails.";
  const bias = sums ? biasOf(layer) : null;
  const rewrite = actsAtAll(bias) ? "Train the last layer without biases." : "Remove the biases, which are 0.";
  return [bias ? { severity: "error", member: "bias", message, rewrite } : null];
});

/** Rules that say by name why a layer cannot be loaded. */
export const blockingRules: readonly NetRule[] = [
  unsupportedLayers,
  convDelays,
  recurrentDelays,
  messageBits,
  adaptiveNeurons,
  sigmaBias,
];

/** What Lava's loader builds of a file, or the reason why it cannot. */
export function plannedOrProblem(net: NetFile): Plan | SpikeshipError {
  try {
    return planNet(net);
  } catch (error) {
    if (error instanceof SpikeshipError && error.code === "TARGET") return error;
    throw error;
  }
}

/** Everything else that Lava's loader fails on: sizes that do not fit, zeros alone, layers in the wrong order. */
export const loadable: NetRule = (net) => {
  if (blockingRules.some((rule) => rule(net).length > 0)) return [];
  const plan = plannedOrProblem(net);
  if (!(plan instanceof SpikeshipError)) return [];
  const { where, expected, got, hint } = plan.facts;
  return [
    {
      rule: "loihi/loadable",
      severity: "error",
      place: /\/layer\/\d+/.exec(where)?.[0] ?? "/layer",
      message: `Expected ${expected}, got ${got}.`,
      source: LOADER,
      ...(hint ? { rewrite: hint } : {}),
    },
  ];
};

/** True when some layer has biases that act. */
export const hasBiases = (layer: NetLayer): boolean => neuronOf(layer)?.type !== "SDNN" && actsAtAll(biasOf(layer));
