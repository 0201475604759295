/**
 * Design rules over a network, before training and before export: one named function each, every one looks at a single property. They
 * find; they change nothing. Structure is judged in `chain.ts`.
 */
import type { Finding } from "../target.ts";
import { type ChipNeuron, chipNeuronOf, FULL_DECAY, inSteps, NEURON_ANSWERS } from "./block-integers.ts";
import { type BlockPart, blocksOf, type Chain, structural } from "./chain.ts";
import { effectiveWeights, loadDense, WEIGHT_MAX, WEIGHT_MIN } from "./dense-weights.ts";
import { BIAS_MAX, BIAS_MIN, THRESHOLD_MAX } from "./limits.ts";
import { isSilent, lowerPool, overflowBounds } from "./lower-synapse.ts";
import { netArray } from "./net-file.ts";
import { STATE_STEPS } from "./neurons/index.ts";

const LIF_MODEL = "lava proc/lif/models.py";
const LOADER = "lava-dl netx/hdf5.py";
const SYNAPSE = "lava-dl slayer/utils/quantize.py and netx/utils.py";

export type GraphRule = (chain: Chain) => Finding[];

function error(rule: string, place: string, message: string, source: string, rewrite: string): Finding {
  return { rule: `loihi/${rule}`, severity: "error", place, message, source, rewrite };
}
function warning(rule: string, place: string, message: string, source: string, rewrite: string): Finding {
  return { ...error(rule, place, message, source, rewrite), severity: "warning" };
}

/** A rule about each block whose neuron Loihi has. */
const eachBlock =
  (judge: (block: BlockPart, neuron: ChipNeuron, chain: Chain) => (Finding | null)[]): GraphRule =>
  (chain) =>
    blocksOf(chain).flatMap((block) => {
      const neuron = chipNeuronOf(block);
      return neuron ? judge(block, neuron, chain).filter((finding) => finding !== null) : [];
    });

const isPowerOfTwo = (value: number): boolean => Number.isInteger(Math.log2(value));

export const spikeInput: GraphRule = ({ parts }) =>
  parts.flatMap((part) =>
    part.kind === "input" && part.node.values !== "spikes"
      ? [
          error(
            "spike-input",
            part.node.source,
            "The network receives real numbers; Loihi receives spikes.",
            LOADER,
            "Use an encoder that makes spikes: PoissonEncoder or LatencyEncoder.",
          ),
        ]
      : [],
  );

export const knownNeuron: GraphRule = (chain) =>
  blocksOf(chain).flatMap(({ neuron }) => {
    const answer = Object.hasOwn(NEURON_ANSWERS, neuron.neuron)
      ? NEURON_ANSWERS[neuron.neuron as keyof typeof NEURON_ANSWERS]
      : null;
    if (answer && "neuron" in answer) return [];
    const { refusal, rewrite } = answer ?? { refusal: "No Loihi neuron is known for it.", rewrite: "Use CubaLIFNode." };
    return [structural("unsupported-neuron", neuron.source, `${neuron.neuron}: ${refusal}`, rewrite)];
  });

/** With another scale, products of weights and spikes fall off the grid in training and lose their last bit. */
export const scalePowerOfTwo = eachBlock(({ neuron }, { scale }) => [
  isPowerOfTwo(scale)
    ? null
    : error(
        "scale-power-of-two",
        neuron.source,
        `The scale is ${scale}.`,
        SYNAPSE,
        "Use a power of two, for example 64.",
      ),
]);

export const weightGrid = eachBlock(({ synapse }, { scale }) => {
  if (synapse.kind === "pool") return [];
  const steps = inSteps(synapse.weight.data, scale);
  const off = steps.filter((step) => step % 2 !== 0).length;
  const message = `${off} of ${steps.length} weights are no even multiple of 1/${scale}.`;
  return [
    off === 0
      ? null
      : error(
          "weight-grid",
          synapse.source,
          message,
          SYNAPSE,
          "Prepare the network for Loihi: it trains with weights on the grid.",
        ),
  ];
});

export const weightRange = eachBlock(({ synapse }, { scale }) => {
  if (synapse.kind === "pool") return [];
  const steps = inSteps(synapse.weight.data, scale);
  const outside = steps.filter((step) => !(step >= WEIGHT_MIN && step <= WEIGHT_MAX)).length;
  const message = `${outside} of ${steps.length} weights lie outside ${WEIGHT_MIN} to ${WEIGHT_MAX} steps of 1/${scale}.`;
  return [
    outside === 0
      ? null
      : error(
          "weight-range",
          synapse.source,
          message,
          SYNAPSE,
          "Use a smaller scale, or prepare the network for Loihi.",
        ),
  ];
});

export const thresholdGrid = eachBlock(({ neuron }, { exactThreshold, threshold }) => {
  if (!Number.isInteger(threshold)) {
    const message = `The threshold is ${exactThreshold} weight steps and is not cut to whole ones.`;
    return [error("threshold-grid", neuron.source, message, LIF_MODEL, "Train with truncateThreshold: true.")];
  }
  if (threshold === exactThreshold) return [];
  const message = `The threshold of ${exactThreshold} weight steps is cut to ${threshold}, in training as on the chip.`;
  return [
    {
      ...warning("threshold-grid", neuron.source, message, LIF_MODEL, "Choose a threshold on the grid."),
      severity: "note",
    },
  ];
});

export const thresholdRange = eachBlock((block, neuron) => {
  const pool = lowerPool(block, neuron);
  const threshold = neuron.threshold * (pool && "thresholdFactor" in pool ? pool.thresholdFactor : 1);
  const message = `The threshold is ${threshold} weight steps; the chip holds 0 to ${THRESHOLD_MAX}.`;
  const held = threshold >= 0 && threshold <= THRESHOLD_MAX;
  return [
    held
      ? null
      : error("threshold-range", block.neuron.source, message, LIF_MODEL, "Use a smaller scale or threshold."),
  ];
});

/** Lava's model takes the two ends; the registers of Loihi 1 do not hold them. */
export const decayRange = eachBlock(({ neuron }, { currentDecay, voltageDecay }) => [
  currentDecay === 0
    ? warning(
        "decay-range",
        neuron.source,
        "The current never decays (iDecay 0); Loihi 1 holds 1 to 4096.",
        LIF_MODEL,
        "Use a current decay of at least 1/4096.",
      )
    : null,
  voltageDecay === FULL_DECAY
    ? warning(
        "decay-range",
        neuron.source,
        "The voltage has no memory (vDecay 4096); Loihi 1 holds 0 to 4095.",
        LIF_MODEL,
        "Use a voltage decay below 1.",
      )
    : null,
]);

/** A synapse's bias enters the current, the chip's the voltage: equal only where the current has no memory. */
export const biasPlace = eachBlock(({ synapse }, { currentDecay }) => [
  synapse.kind !== "pool" && synapse.bias && synapse.bias.data.some((bias) => bias !== 0) && currentDecay !== FULL_DECAY
    ? error(
        "bias-place",
        synapse.source,
        "The bias is added to a current with memory; the chip adds biases to the voltage.",
        LIF_MODEL,
        "Train with bias: false, or with a current decay of 1.",
      )
    : null,
]);

export const biasRange = eachBlock(({ synapse }, { scale, bias }) => {
  const own = synapse.kind === "pool" || !synapse.bias ? new Float64Array(1) : inSteps(synapse.bias.data, scale);
  const total = own.map((steps) => steps + bias);
  const wrong = total.filter((steps) => !(Number.isInteger(steps) && steps >= BIAS_MIN && steps <= BIAS_MAX)).length;
  const message = `${wrong} of ${total.length} biases are no whole number of weight steps from ${BIAS_MIN} to ${BIAS_MAX}.`;
  return [
    wrong === 0
      ? null
      : error(
          "bias-range",
          synapse.source,
          message,
          LIF_MODEL,
          "Train with bias: false, or round the biases to the grid.",
        ),
  ];
});

/** Biases act from the chip's first step on, before the first frame has arrived. */
export const biasAlignment = eachBlock(({ synapse }, { bias }) => {
  const biased = bias !== 0 || (synapse.kind !== "pool" && synapse.bias?.data.some((value) => value !== 0));
  const message = "Biases act before the first frame arrives: the network must be reset when a sample begins.";
  return [
    biased
      ? {
          ...warning(
            "bias-alignment",
            synapse.source,
            message,
            LOADER,
            "Run with a reset interval, as the written script does.",
          ),
          severity: "note",
        }
      : null,
  ];
});

export const poolLowering = eachBlock((block, neuron) => {
  const lowered = lowerPool(block, neuron);
  return [
    lowered && "refusal" in lowered
      ? error("pool", block.synapse.source, lowered.refusal, LOADER, lowered.rewrite)
      : null,
  ];
});

/** Some matrices lose precision in Lava's loader; it matters unless the layer cannot fire at all. */
export const densePrecision = eachBlock((block, neuron) => {
  const { synapse } = block;
  if (synapse.kind !== "linear") return [];
  const steps = inSteps(synapse.weight.data, neuron.scale);
  const loaded = loadDense([netArray([...synapse.weight.shape], steps)]);
  const effective = loaded && effectiveWeights(loaded[0]!);
  const changed = effective ? steps.filter((step, i) => step !== effective[i]).length : steps.length;
  if (changed === 0) return [];
  const cause = effective
    ? `Lava's loader changes ${changed} of ${steps.length} weights, because none is positive.`
    : "All weights are zero, and Lava's loader fails on that.";
  const silent = isSilent(block, neuron);
  const message = `${cause} ${silent ? "No neuron of this layer can fire, so no spike changes." : "Spikes would change."}`;
  const finding = warning(
    "dense-precision",
    synapse.source,
    message,
    "lava-dl netx/utils.py, optimize_weight_bits",
    "Give the layer at least one positive weight.",
  );
  return [{ ...finding, severity: silent ? "warning" : "error" }];
});

/** The worst case over all inputs; whether real data reach it, the simulator says. */
export const registerOverflow = eachBlock((block, neuron, { steps }) => {
  const { current, voltage } = overflowBounds(block, neuron, steps);
  const limit = 2 ** 23;
  const over = (what: string, bound: number, then: string) =>
    `The ${what} can reach ${Math.ceil(bound / STATE_STEPS)} weight steps; the chip's 24 bits hold ${limit / STATE_STEPS} and ${then}.`;
  const rewrite = "Use a smaller scale, fewer inputs per neuron or a faster decay.";
  return [
    current > limit
      ? warning("register-overflow", block.neuron.source, over("current", current, "wrap around"), LIF_MODEL, rewrite)
      : null,
    voltage > limit
      ? warning("register-overflow", block.neuron.source, over("voltage", voltage, "are clipped"), LIF_MODEL, rewrite)
      : null,
  ];
});

export const graphRules: readonly GraphRule[] = [
  ({ findings }) => findings,
  spikeInput,
  knownNeuron,
  scalePowerOfTwo,
  weightGrid,
  weightRange,
  thresholdGrid,
  thresholdRange,
  decayRange,
  biasPlace,
  biasRange,
  biasAlignment,
  poolLowering,
  densePrecision,
  registerOverflow,
];
