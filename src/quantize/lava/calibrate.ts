/** Choosing the weight scale of each block: the power of two that changes the synapse's output least on real data and that the chip holds. */
import { type Conv2dOptions, evaluationStream, type Layer, type Network, resetNet } from "../../model/index.ts";
import {
  abs,
  conv2d,
  linear,
  max,
  mean,
  noGrad,
  reshape,
  scope,
  square,
  sub,
  sum,
  Tensor,
} from "../../tensor/index.ts";
import { POOL_SCALE_MAX } from "./synapse.ts";
import { quantizeWeights } from "./weights.ts";

export interface ScaleCalibration {
  /** `[N, ...]` */
  shape: number[];
  data: Float32Array;
}

/** A synapse and the neuron right behind it. */
export interface SynapseAndNeuron {
  synapse: Layer;
  neuron: Layer;
}

const SCALES = [16, 32, 64, 128, 256, 512, 1024, 2048, 4096];
/** Lava DL's default scale, used where there is nothing to choose from. */
export const DEFAULT_SCALE = 64;
/** The chip's threshold is a mantissa of 17 bits in weight steps. */
const THRESHOLD_MAX = 2 ** 17 - 1;
/** Half of the chip's 24-bit voltage, in weight steps of 64: room for inputs that drive harder than the calibration samples. */
const VOLTAGE_MAX = 2 ** 22 / 64;

/** Scale of each synapse: `scale` for all when it is given, else chosen from the samples, else the default. */
export function chooseScales(
  network: Network,
  pairs: readonly SynapseAndNeuron[],
  { scale, calibration }: { scale?: number | undefined; calibration?: ScaleCalibration | undefined },
): Map<Layer, number> {
  const scales = new Map(pairs.map(({ synapse }) => [synapse, scale ?? DEFAULT_SCALE]));
  if (scale === undefined && calibration) {
    onInputs(network, calibration, (layer, input) => {
      const pair = pairs.find(({ synapse }) => synapse === layer);
      if (pair && "weight" in layer.specs) scales.set(layer, bestScale(pair, input));
    });
  }
  for (const [synapse, chosen] of scales) {
    if (synapse.kind === "SumPool2d") scales.set(synapse, Math.min(chosen, POOL_SCALE_MAX));
  }
  return scales;
}

/** Runs the samples and shows what reaches each layer without members, `[T, N, ...]`. The tensor is only lent. */
function onInputs(network: Network, calibration: ScaleCalibration, see: (layer: Layer, input: Tensor) => void): void {
  const order = network.layers().filter((layer) => layer.children.size === 0);
  resetNet(network);
  try {
    noGrad(() =>
      scope(() => {
        const random = evaluationStream(0);
        const sequence = network.encode(Tensor.from(calibration.data, calibration.shape), random);
        if (order[0]) see(order[0], sequence);
        network.forwardSequence(sequence, {
          training: false,
          random,
          observe(layer, output) {
            const next = order[order.indexOf(layer) + 1];
            if (order.includes(layer) && next) see(next, output);
          },
        });
      }),
    );
  } finally {
    resetNet(network);
  }
}

/** Smallest mean squared error of the synapse's output among the scales whose threshold and voltages the chip holds. */
function bestScale({ synapse, neuron }: SynapseAndNeuron, sequence: Tensor): number {
  return scope(() => {
    const [steps = 0, batch = 0, ...rest] = sequence.shape;
    const input = reshape(sequence, [steps * batch, ...rest]);
    const weight = synapse.tensor("weight");
    const run = (w: Tensor) =>
      synapse.kind === "Linear" ? linear(input, w) : conv2d(input, w, null, synapse.options as Conv2dOptions);
    const exact = run(weight);
    const drive = max(sum(abs(reshape(exact, [steps, -1])), [0])).item();
    const { vThreshold } = neuron.options as { vThreshold?: number };
    const fits = (scale: number) => scale * (vThreshold ?? 0) <= THRESHOLD_MAX && scale * drive <= VOLTAGE_MAX;
    const error = (scale: number) => scope(() => mean(square(sub(run(quantizeWeights(weight, scale)), exact))).item());
    const [smallest = DEFAULT_SCALE, ...larger] = SCALES;
    let best = { scale: smallest, error: error(smallest) };
    for (const scale of larger.filter(fits)) {
      const candidate = error(scale);
      if (candidate < best.error) best = { scale, error: candidate };
    }
    return best.scale;
  });
}
