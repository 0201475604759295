/** From a neuron group to the parameters of the model that Lava's loader chooses; bias as the process stores it. */
import { formatShape, sizeOf } from "../../core/index.ts";
import { refuseLayer } from "./blocks.ts";
import type { NeuronParameters, SigmaDeltaParameters } from "./chip-neurons.ts";
import { type CubaNeuron, type NetArray, type NetNeuron, placeOf, type SigmaDeltaNeuron, scalar } from "./net-file.ts";

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
      return refuseNeuron(facts, type, "Lava's loader drops the adaptation without a word.");
    case "RF_PHASE":
    case "RF_IZHIKEVICH":
      // sine and cosine of the loader decide by their last bit; JavaScript's give other decays for 45% of all pairs
      return refuseNeuron(
        facts,
        type,
        "Resonators are not simulated: Lava's decays depend on NumPy's last bit. Run it in Lava.",
      );
  }
}

function refuseNeuron({ index }: NeuronFacts, type: string, hint: string): never {
  return refuseLayer(index, "a CUBA or SDNN neuron", type, hint);
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
  return { model, threshold: neuron.vThMant, bias: biasOf(facts), exponent: facts.spikeExp + 6 };
}

/** One number for all neurons, or one for each in C,H,W order. A list counts per neuron of a dense layer and per channel of a conv layer. */
function perNeuron({ shape, data }: NetArray, { index, outputShape }: NeuronFacts, member: string): Int32Array {
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
