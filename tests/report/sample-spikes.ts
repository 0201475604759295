/** Seeded spikes that look like those of a small network, for reports in tests. Nothing is trained or run. */
import type { LayerTrace } from "../../src/exporters/index.ts";

/** Quick random numbers (Marsaglia, "Xorshift RNGs", 2003): millions are drawn here, and their quality does not matter. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed * 0x9e3779b1) | 1;
  }

  /** 0 to 1, without 1. */
  uniform(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) / 2 ** 32;
  }

  integer(below: number): number {
    return Math.floor(this.uniform() * below);
  }
}

export const STEPS = 16;
export const SAMPLES = 120;
export const CLASSES = 10;
export const LAYERS = [
  {
    path: "conv1",
    layer: "Conv2d(inChannels=1, outChannels=16, kernelSize=3, padding=1)",
    neurons: [16, 8, 8],
    rate: 0.11,
  },
  {
    path: "conv2",
    layer: "Conv2d(inChannels=16, outChannels=32, kernelSize=2, stride=2)",
    neurons: [32, 4, 4],
    rate: 0.08,
  },
  { path: "fc1", layer: "Linear(inFeatures=512, outFeatures=64)", neurons: [64], rate: 0.14 },
  { path: "fc2", layer: "Linear(inFeatures=64, outFeatures=10)", neurons: [10], rate: 0.1 },
];

/** Spikes of all layers `[T, N, ...]`: each neuron has its own habit, the output layer prefers the class. */
export function runNetwork(random: Dice, labels: Int32Array): LayerTrace[] {
  return LAYERS.map(({ path, neurons, rate }) => {
    const size = neurons.reduce((a, b) => a * b, 1);
    const habits = Float32Array.from({ length: size }, () => rate * 2 * random.uniform());
    const data = new Uint8Array(STEPS * labels.length * size);
    for (let i = 0; i < data.length; i++) {
      const [neuron, sample] = [i % size, Math.floor(i / size) % labels.length];
      const favoured = path === "fc2" && neuron === labels[sample] ? 0.45 : 0;
      data[i] = random.uniform() < habits[neuron]! + favoured ? 1 : 0;
    }
    return { layer: path, shape: [STEPS, labels.length, ...neurons], data };
  });
}

/** The same spikes with some of them turned round, more from layer to layer. */
export function flipped(random: Dice, traces: LayerTrace[], share: number): LayerTrace[] {
  return traces.map((trace, depth) => ({
    ...trace,
    data: trace.data.map((value) => (random.uniform() < share * 3 ** depth ? 1 - value : value)),
  }));
}

/** Rates `[N, F]` of the last layer. */
export function ratesOf(traces: LayerTrace[]): Float32Array {
  const { data } = traces.at(-1)!;
  const rates = new Float32Array(SAMPLES * CLASSES);
  data.forEach((value, i) => {
    rates[i % rates.length]! += value / STEPS;
  });
  return rates;
}
