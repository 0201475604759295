/** Choosing the weight scale of each block: the power of two that changes the synapse's output least on real data. */
import { evaluationStream, type Layer, type Network, resetNet } from "../../model/index.ts";
import { conv2d, linear, mean, noGrad, reshape, scope, square, sub, Tensor } from "../../tensor/index.ts";
import { quantizeWeights } from "./weights.ts";

export interface ScaleCalibration {
  /** `[N, ...]` */
  shape: number[];
  data: Float32Array;
}

/** Smallest and largest scale tried. At 4096 and a threshold of 1 the chip's threshold mantissa is 4096 of at most 131071. */
const SCALES = [16, 32, 64, 128, 256, 512, 1024, 2048, 4096];
/** Lava DL's default scale, used where there is nothing to choose from. */
export const DEFAULT_SCALE = 64;

/** Scale by path of the synapse layer. */
export function chooseScales(
  network: Network,
  options: { scale?: number; calibration?: ScaleCalibration },
): Map<string, number> {
  const synapses = network.layers().filter((layer) => "weight" in layer.specs && layer.children.size === 0);
  const pools = network.layers().filter((layer) => layer.kind === "SumPool2d");
  const scales = new Map<string, number>(
    [...synapses, ...pools].map((layer) => [layer.path, options.scale ?? DEFAULT_SCALE]),
  );
  if (options.scale !== undefined || !options.calibration) return scales;
  const inputs = collectInputs(network, new Set(synapses), options.calibration);
  for (const [layer, input] of inputs) {
    scales.set(layer.path, bestScale(layer, input));
    input.dispose();
  }
  return scales;
}

/** What reaches each synapse on the calibration samples, time folded into the batch. */
function collectInputs(network: Network, synapses: Set<Layer>, calibration: ScaleCalibration): Map<Layer, Tensor> {
  const order = network.layers().filter((layer) => layer.children.size === 0);
  const inputs = new Map<Layer, Tensor>();
  const remember = (layer: Layer | undefined, output: Tensor) => {
    if (!layer || !synapses.has(layer)) return;
    const [steps = 0, batch = 0, ...rest] = output.shape;
    inputs.set(layer, reshape(output, [steps * batch, ...rest]).detach());
  };
  resetNet(network);
  scope(() => {
    const collected = noGrad(() => {
      const random = evaluationStream(0);
      const samples = Tensor.from(calibration.data, calibration.shape);
      const sequence = network.encode(samples, random);
      remember(order[0], sequence);
      network.forwardSequence(sequence, {
        training: false,
        random,
        observe: (layer, output) => {
          const at = order.indexOf(layer);
          if (at >= 0) remember(order[at + 1], output);
        },
      });
      return [...inputs.values()];
    });
    return collected;
  });
  resetNet(network);
  return inputs;
}

function bestScale(layer: Layer, input: Tensor): number {
  const weight = layer.tensor("weight").detach();
  const run = (w: Tensor) => (layer.kind === "Linear" ? linear(input, w, null) : conv2d(input, w, null, layer.options));
  const best = noGrad(() =>
    scope(() => {
      const exact = run(weight);
      const errors = SCALES.map((scale) => ({
        scale,
        error: scope(() => mean(square(sub(run(quantizeWeights(weight, scale)), exact))).item()),
      }));
      return errors.reduce((least, candidate) => (candidate.error < least.error ? candidate : least)).scale;
    }),
  );
  weight.dispose();
  return best;
}
