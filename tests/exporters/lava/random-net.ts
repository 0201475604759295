/**
 * Random `.net` networks for tests, small and legal: convolutions of any geometry, dense, recurrent and complex layers, biases, delays,
 * input neurons, leaky, sigma-delta and resonating neurons.
 */
import fc from "fast-check";
import { philox } from "../../../src/core/index.ts";
import { sturdyDecay } from "../../../src/exporters/lava/chip/neurons/index.ts";
import { windowOutput } from "../../../src/exporters/lava/chip/window.ts";
import {
  type ConvLayer,
  type CubaNeuron,
  type NetArray,
  type NetFile,
  type NetLayer,
  type NetNeuron,
  netArray,
  type ResonatorNeuron,
  scalar,
} from "../../../src/exporters/lava/net/net-file.ts";

/** Whole numbers from one seed, enough for a whole network. */
export class Numbers {
  private position = 0;

  constructor(private readonly seed: number) {}

  /** From `least` to `most`, both included. */
  between(least: number, most: number): number {
    const [word] = philox([this.position++, 0, 0, 0], [this.seed >>> 0, 0]);
    return least + Math.floor((word / 2 ** 32) * (most - least + 1));
  }

  chance(probability: number): boolean {
    return this.between(0, 999) < probability * 1000;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.between(0, choices.length - 1)]!;
  }
}

export interface NetTraits {
  biases: boolean;
  /** Recurrent layers and delays, which only the plain arithmetic runs. */
  memory: boolean;
  /** Weights and decays that make registers overflow. */
  overflow: boolean;
  /** Lists of decays instead of single ones. */
  decayLists: boolean;
  /** `mixed`: resonators among leaky neurons. */
  neurons: "leaky" | "sigmaDelta" | "mixed";
  /** The input layer has neurons of its own. */
  inputNeuron: boolean;
}

/** Leaky neurons with single decays, and nothing else. */
export const PLAIN: NetTraits = {
  biases: false,
  memory: false,
  overflow: false,
  decayLists: false,
  neurons: "leaky",
  inputNeuron: false,
};

export const traits: fc.Arbitrary<NetTraits> = fc.record({
  biases: fc.boolean(),
  memory: fc.boolean(),
  overflow: fc.boolean(),
  decayLists: fc.boolean(),
  neurons: fc.constantFrom("leaky", "leaky", "sigmaDelta", "mixed"),
  inputNeuron: fc.boolean(),
});

function weights(numbers: Numbers, shape: number[]): NetArray {
  const count = shape.reduce((product, size) => product * size, 1);
  const [least, most] = numbers.pick<readonly [number, number]>([
    [-128, 127],
    [-128, 127],
    [-20, 40],
    [1, 127],
    [-127, -1],
  ]);
  const values: number[] = Array.from({ length: count }, () => 2 * numbers.between(least, most));
  // an all-zero matrix cannot be loaded
  if (!values.some((value) => value !== 0)) values[0] = 2;
  return netArray(shape, values);
}

function cuba(numbers: Numbers, channels: number, t: NetTraits): CubaNeuron {
  const decay = (choices: readonly number[]): NetArray =>
    t.decayLists && channels > 1 && numbers.chance(0.3)
      ? netArray(
          [channels],
          Array.from({ length: channels }, () => numbers.between(0, 4096)),
        )
      : scalar(numbers.pick(choices));
  return {
    type: numbers.pick(["CUBA", "CUBA", "LOIHI"]),
    iDecay: decay(t.overflow ? [0, 3, 40] : [4096, 4096, 2048, 410]),
    vDecay: decay(t.overflow ? [0, 1] : [0, 123, 1365, 4096]),
    // a threshold of 1 at the scales 16 to 256, and others
    vThMant: t.overflow ? numbers.pick([64, 100000, 131071]) : numbers.pick([0, 16, 40, 64, 256, 300]),
    extras: {},
  };
}

/** What stands behind the synapse of a layer with real weights. A sigma-delta layer may send its sums, and then has no biases. */
function body(
  numbers: Numbers,
  channels: number,
  t: NetTraits,
): { neuron: NetNeuron; bias: NetArray | null; extras: Record<string, never> } {
  const own = neuron(numbers, channels, t, "inner");
  const sums = own.type === "SDNN" && own.sigmaOutput;
  return { neuron: own, bias: sums ? null : bias(numbers, channels, t), extras: {} };
}

function neuron(numbers: Numbers, channels: number, t: NetTraits, place: "first" | "inner"): NetNeuron {
  if (t.neurons !== "sigmaDelta") return cuba(numbers, channels, t);
  return {
    type: "SDNN",
    activation: "relu",
    vThMant: numbers.pick([0, 3, 6, 20]),
    sigmaOutput: place === "inner" && numbers.chance(0.2),
    extras: {},
  };
}

/** Its decays are written so that every machine loads the same. */
function resonator(numbers: Numbers, outputs: number, t: NetTraits): ResonatorNeuron {
  const count = t.decayLists && outputs > 1 && numbers.chance(0.5) ? outputs : 1;
  const shrink = numbers.between(60, 100) / 100;
  const turns = Array.from({ length: count }, () => (numbers.between(1, 99) / 100) * Math.PI * numbers.pick([1, -1]));
  const decays = (of: (turn: number) => number) => {
    const values = turns.map((turn) => sturdyDecay(Math.trunc(4095 * shrink * of(turn))));
    return count === 1 ? scalar(values[0]!) : netArray([count], values);
  };
  return {
    type: numbers.pick(["RF_PHASE", "RF_IZHIKEVICH", "ADRF_PHASE", "ADRF_IZHIKEVICH"]),
    sinDecay: decays(Math.sin),
    cosDecay: decays(Math.cos),
    vThMant: numbers.pick([16, 64, 256, 700]),
    extras: {},
  };
}

function complexDense(numbers: Numbers, inputs: number, t: NetTraits): NetLayer {
  const outputs = numbers.between(1, 7);
  return {
    type: "dense",
    shape: [outputs],
    weight: weights(numbers, [outputs, inputs]),
    imaginary: weights(numbers, [outputs, inputs]),
    bias: null,
    delay: null,
    neuron: resonator(numbers, outputs, t),
    extras: {},
  };
}

function bias(numbers: Numbers, channels: number, t: NetTraits): NetArray | null {
  if (!t.biases || numbers.chance(0.4)) return null;
  return netArray(
    [channels],
    Array.from({ length: channels }, () => numbers.between(-60, 80)),
  );
}

function conv(numbers: Numbers, input: number[], t: NetTraits): ConvLayer | null {
  const pair = (least: number, most: number): [number, number] => [
    numbers.between(least, most),
    numbers.between(least, most),
  ];
  const groups = numbers.pick([1, 1, input[0]!]);
  const channels = groups * numbers.between(1, 3);
  const kernel = pair(1, 3);
  const [stride, padding, dilation] = [pair(1, 2), pair(0, 2), pair(1, 2)];
  const size = windowOutput(input.slice(1), { kernelSize: kernel, stride, padding, dilation });
  if (size.some((length) => length < 1)) return null;
  return {
    type: "conv",
    shape: [channels, ...size],
    weight: weights(numbers, [channels, input[0]! / groups, ...kernel]),
    stride,
    padding,
    dilation,
    groups,
    delay: null,
    ...body(numbers, channels, t),
  };
}

function dense(numbers: Numbers, inputs: number, t: NetTraits): NetLayer {
  if (t.neurons === "mixed" && numbers.chance(0.6)) return complexDense(numbers, inputs, t);
  const outputs = numbers.between(1, 9);
  const parts = {
    shape: [outputs],
    weight: weights(numbers, [outputs, inputs]),
    delay: null,
    ...body(numbers, outputs, t),
  };
  if (t.memory && numbers.chance(0.5))
    return { ...parts, type: "dense_rec", weightRec: weights(numbers, [outputs, outputs]) };
  const delays = Array.from({ length: outputs }, () => numbers.between(0, 4));
  return { ...parts, type: "dense", imaginary: null, delay: t.memory ? netArray([outputs], delays) : null };
}

/** A network of up to six layers. */
export function randomNet(seed: number, t: NetTraits): NetFile {
  const numbers = new Numbers(seed);
  const layers: NetLayer[] = [];
  let shape = numbers.chance(0.7)
    ? [numbers.between(1, 3), numbers.between(3, 7), numbers.between(3, 7)]
    : [numbers.between(1, 12)];
  // a sigma-delta neuron sends changes, so what comes before it must send payloads: in Lava that is an input neuron
  const own = t.inputNeuron || t.neurons === "sigmaDelta" ? neuron(numbers, shape[0]!, t, "first") : null;
  layers.push({ type: "input", shape, weight: null, bias: null, neuron: own, extras: {} });
  for (let n = numbers.between(0, 3); n > 0 && shape.length === 3; n--) {
    const layer = conv(numbers, shape, t);
    if (!layer) continue;
    layers.push(layer);
    shape = layer.shape;
  }
  if (shape.length === 3 && (layers.length === 1 || numbers.chance(0.7))) {
    shape = [shape.reduce((product, size) => product * size, 1)];
    layers.push({ type: "flatten", shape: [...shape, 1, 1], extras: {} });
  }
  if (shape.length === 1) {
    for (let n = numbers.between(1, 2); n > 0; n--) {
      const layer = dense(numbers, shape[0]!, t);
      layers.push(layer);
      if (layer.type === "dense" || layer.type === "dense_rec") shape = layer.shape;
    }
  }
  return { layers, simulation: null };
}

/** Spikes `[steps, samples, ...]` for a network that begins with an input layer; payloads when that has neurons. */
export function randomSpikes(
  seed: number,
  net: NetFile,
  steps: number,
  samples: number,
): { shape: number[]; data: Int32Array } {
  const numbers = new Numbers(seed);
  const [first] = net.layers;
  if (first?.type !== "input") throw new Error("expected an input layer");
  const shape = [steps, samples, ...first.shape];
  const rate = numbers.pick([0.1, 0.4, 0.9]);
  const count = shape.reduce((product, size) => product * size, 1);
  const value = first.neuron ? () => numbers.between(-256, 254) : () => 1;
  return { shape, data: Int32Array.from({ length: count }, () => (numbers.chance(rate) ? value() : 0)) };
}
