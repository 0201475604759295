/** Random `.net` networks for tests, small and legal: convolutions of any geometry, dense and recurrent layers, biases, delays. */
import fc from "fast-check";
import { philox } from "../../../src/core/index.ts";
import {
  type ConvLayer,
  type CubaNeuron,
  type NetArray,
  type NetFile,
  type NetLayer,
  netArray,
  scalar,
} from "../../../src/exporters/lava/net-file.ts";
import { windowOutput } from "../../../src/exporters/lava/window.ts";

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
}

export const traits: fc.Arbitrary<NetTraits> = fc.record({
  biases: fc.boolean(),
  memory: fc.boolean(),
  overflow: fc.boolean(),
  decayLists: fc.boolean(),
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
    vThMant: t.overflow ? numbers.pick([64, 100000, 131071]) : numbers.pick([0, 40, 64, 300]),
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
    bias: bias(numbers, channels, t),
    delay: null,
    neuron: cuba(numbers, channels, t),
    extras: {},
  };
}

function dense(numbers: Numbers, inputs: number, t: NetTraits): NetLayer {
  const outputs = numbers.between(1, 9);
  const parts = {
    shape: [outputs],
    weight: weights(numbers, [outputs, inputs]),
    bias: bias(numbers, outputs, t),
    delay: null,
    neuron: cuba(numbers, outputs, t),
    extras: {},
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
  layers.push({ type: "input", shape, weight: null, bias: null, neuron: null, extras: {} });
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

/** Spikes `[steps, samples, ...]` for a network that begins with an input layer. */
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
  return { shape, data: Int32Array.from({ length: count }, () => (numbers.chance(rate) ? 1 : 0)) };
}
