/** Random networks of layers, prepared for Loihi: convolutions, matrices, sum pools; leaky neurons of every kind, scales 16 to 256. */
import {
  Conv2d,
  CubaLIFNode,
  createNetwork,
  Flatten,
  IFNode,
  type Layer,
  LIFNode,
  Linear,
  type Network,
  PoissonEncoder,
  Sequential,
  SumPool2d,
} from "../../../src/model/index.ts";
import { prepareForLoihi } from "../../../src/quantize/index.ts";
import { Numbers } from "./random-net.ts";

const SCALES = [16, 32, 64, 128, 256];
/** At 256 the weight 1 of a pool does not fit. */
const POOL_SCALES = SCALES.slice(0, -1);

/** A neuron; the CUBA one carries its scale and, sometimes, a bias of whole weight steps. */
function neuron(numbers: Numbers, scale: number): Layer {
  const vThreshold = numbers.between(1, 120) / 300;
  const kind = numbers.between(0, 2);
  if (kind === 0) return IFNode({ vThreshold, vReset: 0 });
  if (kind === 1) return LIFNode({ tau: numbers.between(11, 80) / 10, vThreshold, vReset: 0, decayInput: false });
  const bias = numbers.chance(0.4) ? numbers.between(-10, 20) / scale : 0;
  const decay = () => numbers.pick([1, numbers.between(1, 99) / 100]);
  return CubaLIFNode({ currentDecay: decay(), voltageDecay: decay(), vThreshold, scale, bias });
}

/** A network of up to five blocks on images `[C,H,W]` or features, for some steps. Prepared with one scale for all but CUBA neurons. */
export function randomPrepared(seed: number): { network: Network; inputShape: number[]; steps: number } {
  const numbers = new Numbers(seed);
  const layers: Layer[] = [];
  const spatial = numbers.chance(0.7);
  let shape = spatial
    ? [numbers.between(1, 3), numbers.between(4, 8), numbers.between(4, 8)]
    : [numbers.between(2, 20)];
  const inputShape = shape;
  const hasPool = spatial && numbers.chance(0.4);
  const scales = hasPool ? POOL_SCALES : SCALES;
  for (let n = spatial ? numbers.between(1, 2) : 0; n > 0; n--) {
    const [channels, height, width] = shape as [number, number, number];
    const [kernelSize, stride, padding] = [
      numbers.between(1, Math.min(3, height, width)),
      numbers.between(1, 2),
      numbers.between(0, 1),
    ];
    const out = numbers.between(1, 4);
    layers.push(
      Conv2d({ inChannels: channels, outChannels: out, kernelSize, stride, padding, bias: false }),
      neuron(numbers, numbers.pick(scales)),
    );
    const size = (length: number) => Math.floor((length + 2 * padding - kernelSize) / stride) + 1;
    shape = [out, size(height), size(width)];
    if (hasPool && n === 1 && shape[1]! >= 2 && shape[2]! >= 2) {
      layers.push(SumPool2d({ kernelSize: 2 }), neuron(numbers, numbers.pick(scales)));
      shape = [out, Math.floor(shape[1]! / 2), Math.floor(shape[2]! / 2)];
    }
  }
  if (spatial) layers.push(Flatten({}));
  let features = shape.reduce((product, size) => product * size, 1);
  for (let n = numbers.between(1, 2); n > 0; n--) {
    const outFeatures = numbers.between(1, 10);
    layers.push(Linear({ inFeatures: features, outFeatures, bias: false }), neuron(numbers, numbers.pick(scales)));
    features = outFeatures;
  }
  const steps = numbers.between(4, 20);
  const trained = createNetwork({ inputShape, steps, encoder: PoissonEncoder(), root: Sequential(layers) }, seed);
  const network = prepareForLoihi(trained, { options: { scale: numbers.pick(scales) } });
  trained.dispose();
  return { network, inputShape, steps };
}
