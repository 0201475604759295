/** From a neuron group to the parameters of the model that Lava's loader chooses; bias as the process stores it. */
import { formatShape, sizeOf } from "../../../core/index.ts";
import {
  type CubaNeuron,
  type NetArray,
  type NetNeuron,
  placeOf,
  type ResonatorNeuron,
  type SigmaDeltaNeuron,
  scalar,
} from "../net/net-file.ts";
import { refuseLayer } from "./blocks.ts";
import {
  loadedDecays,
  type NeuronParameters,
  type ResonatorParameters,
  type SigmaDeltaParameters,
} from "./neurons/index.ts";

export interface NeuronFacts {
  /** Number of the layer in the file. */
  index: number;
  /** [C,H,W] or [O] */
  outputShape: number[];
  bias: NetArray | null;
  spikeExp: number;
  /** The neuron of an input layer. */
  first: boolean;
}

/** What a dense layer without a neuron group gets: a current that never decays and a voltage that never fires. */
const READOUT: CubaNeuron = { type: "CUBA", iDecay: scalar(0), vDecay: scalar(4096), vThMant: 2 ** 17, extras: {} };

export function planNeuron(neuron: NetNeuron | null, facts: NeuronFacts): NeuronParameters {
  const { type, extras } = neuron ?? READOUT;
  if ("messageBits" in extras) {
    refuseLayer(
      facts.index,
      "no messageBits",
      "messageBits",
      "Lava's loader cannot use the value and its simulation dies: remove it.",
    );
  }
  switch (type) {
    case "CUBA":
    case "LOIHI":
      return cuba((neuron ?? READOUT) as CubaNeuron, facts);
    case "SDNN":
      return sigmaDelta(neuron as SigmaDeltaNeuron, facts);
    case "ALIF":
      return refuseNeuron(facts, type, "Lava's loader does not know it: use CUBA.");
    case "ADRF_PHASE":
    case "ADRF_IZHIKEVICH":
    case "RF_PHASE":
    case "RF_IZHIKEVICH":
      return resonator(neuron as ResonatorNeuron, facts);
  }
}

function refuseNeuron({ index }: NeuronFacts, type: string, hint: string): never {
  return refuseLayer(index, "a CUBA, SDNN or RF neuron", type, hint);
}

/** The adaptive ones are loaded as if they did not adapt. Only dense layers have the two inputs that resonators need. */
function resonator({ type, sinDecay, cosDecay, vThMant }: ResonatorNeuron, facts: NeuronFacts): ResonatorParameters {
  if (facts.first || facts.outputShape.length > 1) {
    refuseNeuron(facts, type, "Lava's loader builds resonators in dense layers only.");
  }
  const count = Math.max(sinDecay.data.length, cosDecay.data.length);
  const at = ({ data }: NetArray, i: number) => data[data.length === 1 ? 0 : i]!;
  const loaded = Array.from({ length: count }, (_, i) =>
    loadedDecays({ sine: at(sinDecay, i), cosine: at(cosDecay, i) }),
  );
  const list = (values: number[]) =>
    perNeuron({ shape: count === 1 ? [] : [count], data: Float64Array.from(values) }, facts, "neuron/sinDecay");
  return {
    model: type.endsWith("PHASE") ? "phase" : "izhikevich",
    sineDecay: list(loaded.map(({ sine }) => sine)),
    cosineDecay: list(loaded.map(({ cosine }) => cosine)),
    threshold: vThMant,
    bias: new Int32Array(1),
  };
}

function cuba(neuron: CubaNeuron, facts: NeuronFacts): NeuronParameters {
  return {
    model: "cuba",
    currentDecay: perNeuron(neuron.iDecay, facts, "neuron/iDecay"),
    voltageDecay: perNeuron(neuron.vDecay, facts, "neuron/vDecay"),
    // the process keeps its bias mantissa in 16 bits
    bias: Int32Array.from(Int16Array.from(biasOf(facts))),
    threshold: neuron.vThMant,
  };
}

function sigmaDelta(neuron: SigmaDeltaNeuron, facts: NeuronFacts): NeuronParameters {
  const model: SigmaDeltaParameters["model"] = facts.first ? "delta" : neuron.sigmaOutput ? "sigma" : "sigmaDelta";
  if (model === "sigma" && facts.bias) {
    refuseLayer(
      facts.index,
      "a sigma output without biases",
      "biases",
      "Lava's loader fails on it: train without them.",
    );
  }
  return { model, threshold: neuron.vThMant, bias: biasOf(facts), exponent: facts.spikeExp + 6 };
}

/** One number for all neurons, or one for each in C,H,W order. A list counts per neuron of a dense layer and per channel of a conv layer. */
function perNeuron({ shape, data }: NetArray, { index, outputShape }: NeuronFacts, member: string): Int32Array {
  const wide = data.find((value) => value !== Math.trunc(value) || Math.abs(value) >= 2 ** 31);
  if (wide !== undefined) {
    refuseLayer(index, `a decay of 32 bits as ${member}`, `${wide}`, `Correct ${placeOf(index, member)}.`);
  }
  if (data.length === 1) return Int32Array.from(data);
  const [channels = 0] = outputShape;
  if (shape.length !== 1 || data.length !== channels) {
    refuseLayer(index, `one number or ${channels}`, formatShape(shape), `Correct ${placeOf(index, member)}.`);
  }
  return perChannel(Int32Array.from(data), outputShape);
}

function perChannel(values: Int32Array, outputShape: readonly number[]): Int32Array {
  const pixels = sizeOf(outputShape.slice(1));
  return Int32Array.from({ length: values.length * pixels }, (_, i) => values[Math.floor(i / pixels)]!);
}

/** Fractions are cut. A conv layer takes one bias per channel, or [W,H,C] in the loader's own order. */
function biasOf({ index, outputShape, bias }: NeuronFacts): Int32Array {
  if (!bias) return new Int32Array(1);
  const values = Int32Array.from(bias.data, Math.trunc);
  const [channels = 1, height = 1, width = 1] = outputShape;
  if (outputShape.length === 1) return values;
  if (bias.shape.length === 1 && values.length === channels) return perChannel(values, outputShape);
  if (formatShape(bias.shape) === formatShape([width, height, channels])) {
    const at = (i: number) => {
      const pixel = i % (height * width);
      return ((pixel % width) * height + Math.floor(pixel / width)) * channels + Math.floor(i / (height * width));
    };
    return Int32Array.from({ length: values.length }, (_, i) => values[at(i)]!);
  }
  return refuseLayer(
    index,
    `${channels} biases, one per channel`,
    formatShape(bias.shape),
    `Correct ${placeOf(index, "bias")}.`,
  );
}
