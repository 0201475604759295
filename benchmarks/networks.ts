/** The benchmarked networks and the images they see. */
import { openDataset, sampleBatch } from "../src/data/index.ts";
import {
  BatchNorm2d,
  ConstantEncoder,
  Conv2d,
  createNetwork,
  Flatten,
  IFNode,
  Linear,
  MaxPool2d,
  type Network,
  PoissonEncoder,
  Sequential,
} from "../src/model/index.ts";
import { Block } from "../src/quantize/index.ts";
import type { Sizes } from "./sizes.ts";

const CLASSES = 10;
const HIDDEN = 128;

/** The direct encoding of the field's usual example: conv-norm-IF-pool twice, linear-IF twice, ATan. */
export function csnn(channels: number, { image, csnnSteps }: Sizes): Network {
  const neuron = () => IFNode({ surrogate: { kind: "ATan" } });
  const features = channels * (image / 4) ** 2;
  const hidden = channels * 16;
  const stage = (inChannels: number) => [
    Conv2d({ inChannels, outChannels: channels, kernelSize: 3, padding: 1, bias: false }),
    BatchNorm2d({ numFeatures: channels }),
    neuron(),
    MaxPool2d({ kernelSize: 2 }),
  ];
  return createNetwork({
    inputShape: [1, image, image],
    steps: csnnSteps,
    encoder: ConstantEncoder(),
    root: Sequential([
      ...stage(1),
      ...stage(channels),
      Flatten(),
      Linear({ inFeatures: features, outFeatures: hidden, bias: false }),
      neuron(),
      Linear({ inFeatures: hidden, outFeatures: CLASSES, bias: false }),
      neuron(),
    ]),
  });
}

/** The network for Loihi: four convolutions and two linear layers as Lava's blocks, quantization-aware, Poisson input. */
export function lavaNetwork({ image, lavaSteps, lavaChannels: channels }: Sizes): Network {
  const neuron = () => IFNode({ surrogate: { kind: "ATan" } });
  const conv = (inChannels: number, kernelSize: number, stride: number, padding: number) =>
    Block(Conv2d({ inChannels, outChannels: channels, kernelSize, stride, padding, bias: false }), neuron());
  const linear = (inFeatures: number, outFeatures: number) =>
    Block(Linear({ inFeatures, outFeatures, bias: false }), neuron());
  return createNetwork({
    inputShape: [1, image, image],
    steps: lavaSteps,
    encoder: PoissonEncoder(),
    root: Sequential([
      conv(1, 3, 1, 1),
      conv(channels, 2, 2, 0),
      conv(channels, 3, 1, 1),
      conv(channels, 2, 2, 0),
      Flatten(),
      linear(channels * (image / 4) ** 2, HIDDEN),
      linear(HIDDEN, CLASSES),
    ]),
  });
}

/** The embedded 8x8 digits blown up to the image size: real strokes, so that firing rates are those of real work. */
export function digitImages(
  count: number,
  { image }: Pick<Sizes, "image">,
): { images: Float32Array; labels: Int32Array } {
  const { train, shape } = openDataset({ kind: "digits" });
  const side = shape[1];
  const small = sampleBatch(train, 0, count);
  const images = new Float32Array(count * image * image);
  for (let i = 0; i < images.length; i++) {
    const sample = Math.floor(i / (image * image));
    const y = Math.floor(((Math.floor(i / image) % image) * side) / image);
    const x = Math.floor(((i % image) * side) / image);
    images[i] = small.images[(sample * side + y) * side + x]!;
  }
  return { images, labels: small.labels };
}
