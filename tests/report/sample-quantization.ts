/** A believable report on a quantization: one layer costs, one gains, one has nothing to lose. */
import type { QuantizationReport } from "../../src/quantize/index.ts";

const FOLDED = 0.975;

/** `name`: as in the other sample data. */
export function sampleQuantization(target: string, name: (plain: string) => string): QuantizationReport {
  const cost = (points: number, flips: number | null, outputFlips: number) => ({
    accuracy: FOLDED - points / 100,
    accuracyLost: points / 100,
    predictionsChanged: Math.abs(points) / 50,
    flips,
    outputFlips,
  });
  const layer = (place: string, synapse: string, weights: number) => ({
    place: name(place),
    synapse: name(synapse),
    scale: 64,
    threshold: 70,
    thresholdCut: 0.4,
    weights,
    rounded: weights - 3,
    clipped: 2,
    largestChange: 7.25,
    relativeError: 0.00123,
    biases: 10,
    roundedBiases: 9,
    clippedBiases: 1,
    biasCorrection: 0.5,
  });
  return {
    format: "spikeship-quantization-1",
    target,
    options: { method: "percentile", note: name("by hand") },
    calibrationSamples: 48,
    changes: [
      { place: name("norm1"), what: name("batch norm folded into conv1"), count: 16, exact: true },
      { place: name("if1"), what: "fires above its threshold instead of at it", count: 1, exact: false },
    ],
    layers: [
      { ...layer("conv1", "Conv2d", 144), cost: cost(1.25, 0.021, 0.013) },
      { ...layer("conv2", "Conv2d", 4608), cost: cost(-0.42, 0.0004, 0.002) },
      { ...layer("fc1", "Linear", 32_768), cost: cost(0, 0, 0) },
    ],
    accuracy: { trained: 0.9761, folded: FOLDED, quantized: 0.9642, fineTuned: 0.9713 },
    measured: { samples: 355, flipSamples: 64, all: cost(1.08, null, 0.0151) },
  };
}
