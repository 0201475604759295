/** Rules about the neurons of a `.net` file: ranges of the chip, and what the loader drops, changes or does not read. */
import { THRESHOLD_MAX } from "../chip/limits.ts";
import { dependsOnMachine, loadedDecays, type ResonatorDecays } from "../chip/neurons/index.ts";
import { type NetValue, neuronOf } from "../net/net-file.ts";
import { countOf, eachLayer, eachNeuron, type Judgement, LIF_MODEL, LOADER } from "./judge.ts";

const LEAKY = ["CUBA", "LOIHI"] as const;

export const thresholdRange = eachLayer({ rule: "threshold-range", source: LIF_MODEL }, (layer) => {
  const neuron = neuronOf(layer);
  if (!neuron || (neuron.vThMant >= 0 && neuron.vThMant <= THRESHOLD_MAX)) return [];
  const message = `The threshold ${neuron.vThMant} lies outside 0 to ${THRESHOLD_MAX}; the simulation takes it, the chip's 17 bits do not.`;
  return [{ severity: "warning", member: "neuron/vThMant", message, rewrite: "Use a smaller scale or threshold." }];
});

/** Thresholds that people write at the usual scales of 16 to 256 are multiples of this many weight steps. */
const USUAL_THRESHOLD_STEP = 8;

/** 0.7 at scale 64 is 44.8 and is stored as 44. SpikingJelly trains with 0.7; off the weights' grid, where a leak leads, spikes differ. */
export const cutThreshold = eachNeuron(
  { rule: "cut-threshold", discrepancy: 1, source: "SpikingJelly activation_based/lava_exchange.py, CubaLIFNode" },
  LEAKY,
  ({ iDecay, vDecay, vThMant }) => {
    const leaks =
      iDecay.data.some((decay) => decay !== 4096) || vDecay.data.some((decay) => decay !== 0 && decay !== 4096);
    const message = `A threshold of ${vThMant} weight steps was probably cut to a whole number: if it was trained with the fraction, as SpikingJelly does, spikes may differ.`;
    return !leaks || vThMant % USUAL_THRESHOLD_STEP === 0
      ? []
      : [{ severity: "note", member: "neuron/vThMant", message, rewrite: "Train with the cut threshold." }];
  },
);

/** From here on slayer's and SpikingJelly's epsilon of a hundredth of a state step is lost in float32. */
const EPSILON_LOST = 4096;

export const thresholdEpsilon = eachNeuron(
  { rule: "threshold-epsilon", discrepancy: 10, source: "lava-dl slayer/neuron/cuba.py" },
  LEAKY,
  ({ vThMant }) => {
    // a readout that never fires
    if (vThMant < EPSILON_LOST || vThMant >= THRESHOLD_MAX) return [];
    const message = `At a threshold of ${vThMant} weight steps slayer and SpikingJelly fire at the threshold, Lava and the chip only above it.`;
    return [{ severity: "note", member: "neuron/vThMant", message, rewrite: "Compare whole numbers in training." }];
  },
);

/** Lava's model takes 0 to 4096 for both; the registers of Loihi 1 lack one end each. */
export const decayRange = eachNeuron({ rule: "decay-range", source: LIF_MODEL }, LEAKY, (neuron) =>
  (["iDecay", "vDecay"] as const).map((member) => {
    const outside = countOf(neuron[member], (decay) => decay < 0 || decay > 4096);
    const [least, most] = member === "iDecay" ? [1, 4096] : [0, 4095];
    const unheld = countOf(neuron[member], (decay) => decay < least || decay > most);
    const message = `${unheld} decays lie outside ${least} to ${most}, which Loihi 1 holds.`;
    const severity = outside > 0 ? "error" : "warning";
    return unheld === 0
      ? null
      : { severity, member: `neuron/${member}`, message, rewrite: "Choose a decay within the range." };
  }),
);

const only = (value: NetValue | undefined): number => (value && typeof value === "object" ? (value.data[0] ?? 0) : 0);

export const normExponent = eachNeuron(
  { rule: "norm-exponent", discrepancy: 17, source: LOADER },
  LEAKY,
  ({ extras }) => {
    const exponent = only(extras.weight_exp);
    const message = `A norm divided by 2^${exponent} in training; Lava's loader does not read that.`;
    const rewrite = `Multiply vThMant by ${2 ** exponent}: exact without a leak.`;
    return exponent === 0 ? [] : [{ severity: "warning", member: "neuron/weight_exp", message, rewrite }];
  },
);

/** slayer trains with an exponent of -3 to 3 and writes the one it would need. */
const NORM_EXPONENT_MAX = 3;

export const normExponentClamp = eachNeuron(
  { rule: "norm-exponent-clamp", discrepancy: 18, source: "lava-dl slayer/neuron/norm.py" },
  LEAKY,
  ({ extras }) => {
    const exponent = only(extras.weight_exp);
    const message = `The exponent ${exponent} was not what training used, which ends at ${NORM_EXPONENT_MAX}.`;
    return Math.abs(exponent) <= NORM_EXPONENT_MAX
      ? []
      : [
          {
            severity: "warning",
            member: "neuron/weight_exp",
            message,
            rewrite: `Use ${Math.sign(exponent) * NORM_EXPONENT_MAX}.`,
          },
        ];
  },
);

export const gradedSpikes = eachNeuron(
  { rule: "graded-spikes", discrepancy: 26, source: LOADER },
  ["CUBA", "LOIHI", "RF_PHASE", "RF_IZHIKEVICH"],
  ({ extras }) => {
    const message = "Trained with graded spikes, which Lava's loader runs as binary ones.";
    return only(extras.gradedSpike) === 0
      ? []
      : [{ severity: "error", member: "neuron/gradedSpike", message, rewrite: "Train with binary spikes." }];
  },
);

/** Members of a neuron that Lava's loader does not read, with the value that it runs as. Those with a rule of their own are not here. */
const UNREAD: Record<string, string | number> = { refDelay: 1, wgtExp: 0, activation: "relu" };

/** Other values of these mean something else than what runs. */
export const unreadMembers = eachLayer({ rule: "unread-member", discrepancy: 27, source: LOADER }, (layer) => {
  const neuron = neuronOf(layer);
  const members: Record<string, NetValue> = { ...neuron?.extras };
  if (neuron?.type === "SDNN") members.activation = neuron.activation;
  return Object.entries(UNREAD).map(([name, neutral]): Judgement | null => {
    const value = members[name];
    if (value === undefined) return null;
    const same = typeof value === "string" ? value === neutral : value.data.every((number) => number === neutral);
    const shown = typeof value === "string" ? value : value.data.join(", ");
    const message = `${name} is ${shown}, but Lava's loader runs as if it were ${neutral}.`;
    return same ? null : { severity: "warning", member: `neuron/${name}`, message, rewrite: "Train without it." };
  });
});

const RESONATORS = ["RF_PHASE", "RF_IZHIKEVICH", "ADRF_PHASE", "ADRF_IZHIKEVICH"] as const;

function decayPairs({ sinDecay, cosDecay }: { sinDecay: { data: Float64Array }; cosDecay: { data: Float64Array } }) {
  const at = ({ data }: { data: Float64Array }, i: number) => data[data.length === 1 ? 0 : i] ?? 0;
  const count = Math.max(sinDecay.data.length, cosDecay.data.length);
  return Array.from({ length: count }, (_, i): ResonatorDecays => ({ sine: at(sinDecay, i), cosine: at(cosDecay, i) }));
}

/** The loader sends the decays through floating point and cuts the result. */
export const resonatorDecays = eachNeuron(
  { rule: "resonator-decay", discrepancy: 32, source: "lava-dl slayer/neuron/rf.py and lava proc/rf/process.py" },
  RESONATORS,
  (neuron) => {
    const pairs = decayPairs(neuron);
    const unsure = pairs.filter(dependsOnMachine).length;
    const lower = pairs.filter((pair) => {
      const loaded = loadedDecays(pair);
      return loaded.sine !== Math.trunc(pair.sine) || loaded.cosine !== Math.trunc(pair.cosine);
    }).length;
    const message = `${unsure} of ${pairs.length} pairs of decays hang on the last bit of a sine: loaded they are what is written or 1 nearer to 0, and that differs between processors (here ${lower} change, as with the C library's functions).`;
    const rewrite = "Write each decay half a step further from 0, such as 400.5 for 400: every machine then loads 400.";
    return unsure === 0 ? [] : [{ severity: "warning", member: "neuron/sinDecay", message, rewrite }];
  },
);

/** 12 bits with sign beside; what turns outward grows until it saturates. */
export const resonatorRange = eachNeuron(
  { rule: "resonator-range", source: "lava proc/rf/models.py" },
  RESONATORS,
  (neuron) => {
    const outward = decayPairs(neuron).filter(({ sine, cosine }) => Math.hypot(sine, cosine) >= 4097).length;
    const message = `${outward} resonators grow in every step: sine and cosine decay are together more than 4096.`;
    const rewrite = "Choose decays within the circle of 4096.";
    return outward === 0 ? [] : [{ severity: "warning", member: "neuron/cosDecay", message, rewrite }];
  },
);

export const adaptiveResonators = eachNeuron(
  { rule: "adaptive-resonator", discrepancy: 33, source: LOADER },
  ["ADRF_PHASE", "ADRF_IZHIKEVICH"],
  ({ type }) => {
    const message = `Lava's loader runs ${type} as a resonator that does not adapt, without a word.`;
    return [{ severity: "warning", member: "neuron/type", message, rewrite: "Train with RF_PHASE or RF_IZHIKEVICH." }];
  },
);

export const adaptiveNeurons = eachNeuron(
  { rule: "adaptive-neuron", discrepancy: 33, source: LOADER },
  ["ALIF"],
  () => [
    {
      severity: "error",
      member: "neuron/type",
      message: "Lava's loader does not know ALIF and fails.",
      rewrite: "Train with CUBA.",
    },
  ],
);
