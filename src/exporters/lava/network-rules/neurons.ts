/** Rules about the neurons' numbers: thresholds, decays, registers. */

import { THRESHOLD_MAX } from "../chip/limits.ts";
import { DECAY_ONE, REGISTER, STATE_STEPS } from "../chip/neurons/index.ts";
import { blocksOf, inputNeuronOf } from "../lowering/chain.ts";
import { chipNeuronOf, SIGMA_DELTA_SCALE, unitOf } from "../lowering/chip-neuron.ts";
import { lowerPool, overflowBounds } from "../lowering/lower-synapse.ts";
import { sigmaDeltaBounds } from "../lowering/sigma-delta-bounds.ts";
import { eachBlock, eachNeuron, type Judgement, LIF_MODEL, LOADER, SDN_MODEL, wholeChain } from "./judge.ts";

export const thresholdGrid = eachNeuron(
  { rule: "threshold-grid", discrepancy: 1, source: LIF_MODEL },
  ({ source: place }, { model, exactThreshold, threshold }) => {
    // it compares nothing
    if (model === "sigma") return [];
    if (!Number.isInteger(threshold)) {
      const message = `The threshold is ${exactThreshold} weight steps and is not cut to whole ones.`;
      return [{ severity: "error", place, message, rewrite: "Train with truncateThreshold: true." }];
    }
    if (threshold === exactThreshold) return [];
    const message = `The threshold of ${exactThreshold} weight steps is cut to ${threshold}, in training as on the chip.`;
    return [{ severity: "note", place, message, rewrite: "Choose a threshold on the grid." }];
  },
);

const thresholdIn = (place: string, threshold: number): Judgement[] => {
  if (threshold >= 0 && threshold <= THRESHOLD_MAX) return [];
  const message = `The threshold is ${threshold} weight steps; the chip holds 0 to ${THRESHOLD_MAX}.`;
  return [{ severity: "error", place, message, rewrite: "Use a smaller scale or threshold." }];
};

export const thresholdRange = wholeChain({ rule: "threshold-range", source: LIF_MODEL }, (chain) => {
  const first = inputNeuronOf(chain);
  const blocks = blocksOf(chain).map((block) => ({ block, node: block.neuron }));
  return [...(first ? [{ block: null, node: first }] : []), ...blocks].flatMap(({ block, node }) => {
    const neuron = chipNeuronOf(node);
    if (!neuron) return [];
    const pool = block && lowerPool(block, neuron);
    return thresholdIn(node.source, neuron.threshold * (pool && "thresholdFactor" in pool ? pool.thresholdFactor : 1));
  });
});

/** From here on the margin that Lava DL and SpikingJelly add to the threshold vanishes in float32. */
const EPSILON_VANISHES = 4096;

export const thresholdEpsilon = eachNeuron(
  { rule: "threshold-epsilon", discrepancy: 10, source: "lava-dl slayer/neuron/cuba.py" },
  ({ source: place }, { model, threshold }) => {
    if (model !== "cuba" || threshold < EPSILON_VANISHES || threshold > THRESHOLD_MAX) return [];
    const message = `From ${EPSILON_VANISHES} weight steps on (here ${threshold}) Lava DL and SpikingJelly fire at the threshold too; the chip and this network fire above it.`;
    return [{ severity: "note", place, message, rewrite: "Use a smaller scale where both must agree." }];
  },
);

/** Lava's model takes the two ends; the registers of Loihi 1 do not hold them. */
export const decayRange = eachNeuron({ rule: "decay-range", source: LIF_MODEL }, ({ source: place }, neuron) => {
  if (neuron.model !== "cuba") return [];
  const found: Judgement[] = [];
  if (neuron.currentDecays.includes(0)) {
    const message = "The current never decays (iDecay 0); Loihi 1 holds 1 to 4096.";
    found.push({ severity: "warning", place, message, rewrite: "Use a current decay of at least 1/4096." });
  }
  if (neuron.voltageDecays.includes(DECAY_ONE)) {
    const message = "The voltage has no memory (vDecay 4096); Loihi 1 holds 0 to 4095.";
    found.push({ severity: "warning", place, message, rewrite: "Use a voltage decay below 1." });
  }
  return found;
});

/** What a norm's divisor became when the block was lowered. */
export const normExponent = eachBlock(
  { rule: "norm-exponent", discrepancy: 17, source: "lava-dl netx/hdf5.py" },
  ({ neuron: { source, notes = [] } }) =>
    notes.map((note) => ({
      severity: "note",
      place: source,
      message: `The loader ignores exponents of norms; the ${note}.`,
      rewrite: "Nothing is to be done.",
    })),
);

/** The worst case over all inputs; whether real data reach it, the simulator says. */
export const registerOverflow = eachBlock(
  { rule: "register-overflow", discrepancy: 16, source: LIF_MODEL },
  (block, neuron, { steps }) => {
    if (neuron.model !== "cuba") return [];
    const { current, voltage } = overflowBounds(block, neuron, steps);
    const place = block.neuron.source;
    const rewrite =
      "Use a smaller scale, fewer inputs per neuron or a faster decay; verify says whether real samples get that far.";
    const over = (what: string, bound: number, then: string): Judgement[] => {
      if (bound <= REGISTER) return [];
      const message = `The ${what} can reach ${Math.ceil(bound / STATE_STEPS)} weight steps; the chip's 24 bits hold ${REGISTER / STATE_STEPS} and ${then}.`;
      return [{ severity: "warning", place, message, rewrite }];
    };
    return [...over("current", current, "wrap around"), ...over("voltage", voltage, "are clipped")];
  },
);

/** Lava's loader gives all sigma-delta layers of a file the same binary places, which training counts with as well. */
export const sigmaDeltaScale = eachNeuron(
  { rule: "sigma-delta-scale", source: SDN_MODEL },
  ({ source: place }, { model, scale }) => {
    if (model === "cuba" || scale === SIGMA_DELTA_SCALE) return [];
    const message = `The scale is ${scale}; messages of sigma-delta neurons have 12 binary places, which is the scale ${SIGMA_DELTA_SCALE}.`;
    return [{ severity: "error", place, message, rewrite: `Use the scale ${SIGMA_DELTA_SCALE}.` }];
  },
);

/** Sums beyond this many units have more binary digits than the float32 of training. */
const EXACT_UNITS = 64;

/** The worst case over all inputs: the chip adds in 32 bits, training in the 24 of float32. */
export const sigmaDeltaRange = wholeChain({ rule: "sigma-delta-range", source: SDN_MODEL }, (chain) =>
  sigmaDeltaBounds(chain).map(({ node, sum }) => {
    if (sum <= EXACT_UNITS) return null;
    const message = `Sums can reach ${Math.ceil(sum)} units; beyond ${EXACT_UNITS} training rounds them and the chip does not.`;
    const rewrite = "Use smaller weights or fewer inputs per neuron; verify says whether real samples get that far.";
    return { severity: "warning", place: node.source, message, rewrite };
  }),
);

/** Lava's loader declares messages of sigma-delta neurons with so many bits; its simulation does not cut them. */
const MESSAGE_BITS = 16;

export const sigmaDeltaMessages = wholeChain({ rule: "message-width", discrepancy: 26, source: LOADER }, (chain) =>
  sigmaDeltaBounds(chain).map(({ node, neuron, message: size }) => {
    const widest = 2 ** (MESSAGE_BITS - 1) / unitOf(neuron);
    if (neuron.model === "sigma" || size <= widest) return null;
    const message = `Changes can reach ${Math.ceil(size)} units; messages have ${MESSAGE_BITS} bits, which hold ${widest}. What a chip does beyond is unknown.`;
    const rewrite = "Use smaller weights or fewer inputs per neuron.";
    return { severity: "warning", place: node.source, message, rewrite };
  }),
);
