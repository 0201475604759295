/**
 * Random float networks whose numbers are small multiples of powers of two, so that every sum is exact in float32 and in the chip's steps:
 * two networks that should be the same then fire the same, spike for spike. Only layers that Loihi can hold in some form.
 */
import { RandomStream, type Shape } from "../../src/core/index.ts";
import { layers } from "../../src/layers.ts";
import { isSpikingLayer, type Network, networkFromDescription, resetNet } from "../../src/model/index.ts";
import { noGrad, scope, Tensor } from "../../src/tensor/index.ts";

type Json = { kind: string; [option: string]: unknown };

/** Voltages are whole multiples of this in networks that leak nothing; thresholds are odd multiples of half of it. */
const GRID = 1 / 64;

/** Makes one network, layer by layer. */
class Maker {
  readonly layers: Json[] = [];
  readonly #random: RandomStream;

  constructor(
    seed: number,
    private shape: Shape,
    private readonly leaks: boolean,
  ) {
    this.#random = new RandomStream(seed, 1);
  }

  between(least: number, most: number): number {
    return least + this.#random.integer(most - least + 1);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.between(0, choices.length - 1)]!;
  }

  #add(layer: Json, shape: Shape): void {
    this.layers.push(layer);
    this.shape = shape;
  }

  #neuron(): void {
    const vThreshold = (2 * this.between(8, 40) + 1) * (GRID / 2);
    const lif = { kind: "LIFNode", tau: this.pick([2, 4]), decayInput: this.pick([true, false]), vReset: 0 };
    this.#add({ ...(this.leaks && this.pick([true, false]) ? lif : { kind: "IFNode" }), vThreshold }, this.shape);
  }

  #norm(dimensions: "1d" | "2d"): void {
    if (this.pick([true, false])) return;
    // with this eps the root of a variance of 1 is 1
    this.#add({ kind: `BatchNorm${dimensions}`, numFeatures: this.shape[0]!, eps: 1e-30 }, this.shape);
  }

  /** A pool with windows of 2, 4 or 8 pixels, or nothing where the image is too small. */
  #pool(kinds: readonly string[]): void {
    const [channels = 0, height = 0, width = 0] = this.shape;
    const window = [this.pick([1, 2]), this.pick([2, 4])];
    if (height < window[0]! || width < window[1]!) return;
    const shape = [channels, Math.floor(height / window[0]!), Math.floor(width / window[1]!)];
    const kind = this.pick(kinds);
    const divides = height % window[0]! === 0 && width % window[1]! === 0;
    if (kind === "AdaptiveAvgPool2d" && divides) this.#add({ kind, outputSize: shape.slice(1) }, shape);
    else this.#add({ kind: kind === "AdaptiveAvgPool2d" ? "AvgPool2d" : kind, kernelSize: window }, shape);
  }

  image(): void {
    const [inChannels = 0, height = 0, width = 0] = this.shape;
    const [kernelSize, stride, padding] = [this.between(1, 3), this.pick([1, 1, 2]), this.pick([0, 1])];
    const outChannels = this.between(1, 3);
    const size = (length: number) => Math.floor((length + 2 * padding - kernelSize) / stride) + 1;
    if (Math.min(size(height), size(width)) < 1) return;
    this.#add(
      { kind: "Conv2d", inChannels, outChannels, kernelSize, stride, padding, bias: this.pick([true, false]) },
      [outChannels, size(height), size(width)],
    );
    this.#norm("2d");
    if (this.pick([true, false])) this.#pool(["AvgPool2d", "AdaptiveAvgPool2d"]);
    this.#neuron();
    const behind = this.between(0, 3);
    if (behind === 0) this.#pool(["MaxPool2d"]);
    const before = this.layers.length;
    if (behind === 1) this.#pool(["AvgPool2d", "SumPool2d"]);
    if (this.layers.length > before) this.#neuron();
  }

  features(): void {
    if (this.pick([true, false])) this.#pool(["AvgPool2d", "SumPool2d", "AdaptiveAvgPool2d"]);
    const inFeatures = this.shape.reduce((product, length) => product * length, 1);
    const outFeatures = this.between(2, 5);
    this.#add({ kind: "Flatten" }, [inFeatures]);
    this.#add({ kind: "Linear", inFeatures, outFeatures, bias: this.pick([true, false]) }, [outFeatures]);
    this.#norm("1d");
    this.#neuron();
  }
}

/** `leaks`: LIF neurons among IF neurons, whose decays the chip rounds. */
export function dyadicNetwork(seed: number, leaks: boolean): Network {
  const inputShape = [2, 8, 8];
  const maker = new Maker(seed, inputShape, leaks);
  for (let n = maker.between(1, 2); n > 0; n--) maker.image();
  maker.features();
  const root = { kind: "Sequential", layers: maker.layers };
  const network = networkFromDescription({ inputShape, steps: 4, encoder: { kind: "PoissonEncoder" }, root }, layers);
  const round = (shape: Shape, unit: number, low: number, high: number) =>
    Tensor.from(
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => unit * maker.between(low, high)),
      shape,
    );
  for (const layer of network.layers()) {
    const isNorm = layer.kind.startsWith("BatchNorm");
    for (const [name, { shape }] of Object.entries(layer.specs)) {
      if (name === "weight") layer.setTensor(name, isNorm ? round(shape, 0.5, 1, 2) : round(shape, 1 / 4, -1, 2));
      if (name === "bias") layer.setTensor(name, round(shape, 1 / 8, -2, 2));
      if (name === "running_mean") layer.setTensor(name, round(shape, 1 / 4, -2, 2));
    }
  }
  return network;
}

export interface Firing {
  input: { shape: number[]; data: Float32Array };
  /** Of every neuron and maximum, in order. */
  layers: { path: string; data: Float32Array }[];
}

/** What a network answers to noise of that seed. */
export function firingOf(network: Network, seed: number, samples = 4): Firing {
  const fired: Firing = { input: { shape: [0], data: new Float32Array() }, layers: [] };
  const noise = new RandomStream(seed, 2);
  const size = samples * network.inputShape.reduce((product, length) => product * length, 1);
  resetNet(network);
  noGrad(() =>
    scope(() => {
      const images = Tensor.from(
        Float32Array.from({ length: size }, () => noise.uniform()),
        [samples, ...network.inputShape],
      );
      const sequence = network.encode(images, new RandomStream(seed, 3));
      fired.input = { shape: [...sequence.shape], data: sequence.toArray() as Float32Array };
      network.forwardSequence(sequence, {
        training: false,
        random: new RandomStream(0),
        observe(layer, output) {
          if (isSpikingLayer(layer) || layer.kind === "MaxPool2d")
            fired.layers.push({ path: layer.path, data: output.toArray() as Float32Array });
        },
      });
    }),
  );
  resetNet(network);
  return fired;
}
