/**
 * How much work a step is, counted by formula: floating-point operations and bytes. Nothing is measured here, and nothing depends on how the
 * work is carried out, so that a faster implementation shows as a higher rate.
 */
import type { Sizes } from "./sizes.ts";

export interface Work {
  /** Multiplications and additions of the dense layers. */
  flops: number;
  /** Bytes that have to move between memory and processor when every layer runs for itself. */
  bytes: number;
}

const FLOAT = 4;

/** One layer over the whole sequence, T*N images: what goes in, what comes out, its weights. Numbers, not bytes. */
interface LayerWork {
  input: number;
  output: number;
  weights: number;
  /** Multiply-adds of the forward pass; 0 for layers that are not dense. */
  products: number;
}

/** Convolution: each of `points` output points of each image is `outputs` sums over `inputs * kernel` products. */
function conv(
  images: number,
  inputPoints: number,
  points: number,
  inputs: number,
  outputs: number,
  kernel: number,
): LayerWork {
  const weights = inputs * outputs * kernel;
  return {
    input: images * inputPoints * inputs,
    output: images * points * outputs,
    weights,
    products: images * points * weights,
  };
}

function linear(images: number, inputs: number, outputs: number): LayerWork {
  return conv(images, 1, 1, inputs, outputs, 1);
}

/** Neurons, norms and pools: every number is read, every result written. */
function elementwise(input: number, output = input): LayerWork {
  return { input, output, weights: 0, products: 0 };
}

/** Forward: each layer reads input and weights and writes its output. */
function inference(layers: readonly LayerWork[]): Work {
  const sum = (of: (layer: LayerWork) => number) => layers.reduce((total, layer) => total + of(layer), 0);
  return {
    flops: 2 * sum((layer) => layer.products),
    bytes: FLOAT * sum((layer) => layer.input + layer.weights + layer.output),
  };
}

/**
 * Training: backward computes the gradient of input and weights, each as much arithmetic as forward, so three times forward in all. It reads the
 * output's gradient and the input (or what was kept of it), and writes the input's gradient; the weights are read once more, and their gradient
 * and `moments` running values of the optimizer are read and written. The gradient of the network's own input is counted with the rest.
 */
function training(layers: readonly LayerWork[], moments: number): Work {
  const forward = inference(layers);
  const backward = layers.reduce((total, layer) => total + layer.output + 2 * layer.input + layer.weights, 0);
  const update = layers.reduce((total, layer) => total + layer.weights * (2 + 2 * moments + 2), 0);
  return { flops: 3 * forward.flops, bytes: forward.bytes + FLOAT * (backward + update) };
}

/** Two conv-norm-neuron-pool, two linear-neuron. With 128 channels, T=4, batch 16 and 28x28 pixels: 16.4 GFLOP a training step. */
function csnnLayers(channels: number, { batch, image, csnnSteps }: Sizes): LayerWork[] {
  const images = batch * csnnSteps;
  const [full, half, quarter] = [image ** 2, (image / 2) ** 2, (image / 4) ** 2];
  const numbers = (points: number) => images * points * channels;
  const tail = (points: number, pooled: number) => [
    elementwise(numbers(points)),
    elementwise(numbers(points)),
    elementwise(numbers(points), numbers(pooled)),
  ];
  const hidden = channels * 16;
  return [
    conv(images, full, full, 1, channels, 9),
    ...tail(full, half),
    conv(images, half, half, channels, channels, 9),
    ...tail(half, quarter),
    linear(images, channels * quarter, hidden),
    elementwise(images * hidden),
    linear(images, hidden, 10),
    elementwise(images * 10),
  ];
}

/** conv 3x3, conv 2x2 stride 2, both once more, linear, linear, each with its neurons. */
function lavaLayers({ batch, image, lavaSteps, lavaChannels: channels }: Sizes): LayerWork[] {
  const images = batch * lavaSteps;
  const [full, half, quarter] = [image ** 2, (image / 2) ** 2, (image / 4) ** 2];
  const dense = [
    conv(images, full, full, 1, channels, 9),
    conv(images, full, half, channels, channels, 4),
    conv(images, half, half, channels, channels, 9),
    conv(images, half, quarter, channels, channels, 4),
    linear(images, channels * quarter, 128),
    linear(images, 128, 10),
  ];
  return dense.flatMap((layer) => [layer, elementwise(layer.output)]);
}

/** SGD with momentum keeps one running value of each weight. */
export function csnnWork(channels: number, sizes: Sizes, train: boolean): Work {
  const layers = csnnLayers(channels, sizes);
  return train ? training(layers, 1) : inference(layers);
}

/** Adam keeps two running values of each weight. */
export function lavaWork(sizes: Sizes, train: boolean): Work {
  const layers = lavaLayers(sizes);
  return train ? training(layers, 2) : inference(layers);
}

/**
 * Neurons forward and backward over T steps. For each neuron and step: the input is read and the spike written; backward reads the spike's gradient
 * and the input again (or one number kept in its place), and writes the input's gradient. For each neuron: the state after the last step is written.
 */
export function neuronBytes(neurons: number, steps: number): number {
  return FLOAT * neurons * (5 * steps + 1);
}
