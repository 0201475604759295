/** The scales, thresholds and biases that calibration chooses, judged from outside: by what the twin then computes. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import { targetById } from "../../src/exporters/index.ts";
import { layers } from "../../src/layers.ts";
import { type Network, networkFromDescription, resetNet } from "../../src/model/index.ts";
import { type Calibration, type QuantizationStudy, studyForLoihi } from "../../src/quantize/index.ts";
import { noGrad, scope, Tensor } from "../../src/tensor/index.ts";

type Json = { kind: string; [option: string]: unknown };

const SCALES = [16, 32, 64, 128, 256, 512, 1024, 2048, 4096];
/** Largest and smallest weight of the chip in steps, its largest bias and threshold. */
const [WEIGHT_MAX, WEIGHT_MIN, BIAS_MAX, THRESHOLD_MAX] = [254, -256, 4095, 131071];

const images: Calibration = { shape: [16, 1, 4, 4], data: new Float32Array(256) };
const noise = new RandomStream(9);
images.data.forEach((_, i) => {
  images.data[i] = noise.uniform();
});

const neuron = (vThreshold = 1): Json => ({ kind: "IFNode", vThreshold });
const dense = (outFeatures: number, bias = false, inFeatures = 16): Json => ({
  kind: "Linear",
  inFeatures,
  outFeatures,
  bias,
});

function make(members: Json[], tensors: Record<string, number[]> = {}): Network {
  const root = { kind: "Sequential", layers: members };
  const network = networkFromDescription(
    { inputShape: [1, 4, 4], steps: 6, encoder: { kind: "PoissonEncoder" }, root },
    layers,
    5,
  );
  for (const [path, numbers] of Object.entries(tensors)) {
    const [, place, name] = /^(.*)\.(\w+)$/.exec(path)!;
    const layer = network.layer(place!);
    layer.setTensor(name!, Tensor.from(numbers, layer.tensor(name!).shape));
  }
  return network;
}

/** One matrix of those weights, with the neuron behind it. */
const matrix = (weights: number[], bias?: number[], vThreshold?: number) =>
  make([{ kind: "Flatten" }, dense(weights.length / 16, bias !== undefined), neuron(vThreshold)], {
    "1.weight": weights,
    ...(bias ? { "1.bias": bias } : {}),
  });

function studied<R>(network: Network, options: Record<string, unknown>, body: (study: QuantizationStudy) => R): R {
  const study = studyForLoihi(network, { options, calibration: images });
  try {
    return body(study);
  } finally {
    for (const each of [study, study.twin, network]) each.dispose();
  }
}

/** What the synapse at a path gives for the calibration samples, `[T, N, C]`. */
function driveOf(network: Network, path: string): Float32Array {
  let drive = new Float32Array();
  resetNet(network);
  noGrad(() =>
    scope(() => {
      const sequence = network.encode(Tensor.from(images.data, images.shape), new RandomStream(0));
      network.forwardSequence(sequence, {
        training: false,
        random: new RandomStream(0),
        observe: (layer, output) => {
          if (layer.path === path) drive = Float32Array.from(output.toArray());
        },
      });
    }),
  );
  resetNet(network);
  return drive;
}

/** Mean squared difference of the synapse's output in the float network and in its twin. */
const errorOf = ({ folded, twin }: QuantizationStudy, place: string): number => {
  const [exact, found] = [driveOf(folded, `${place}.synapse`), driveOf(twin, `${place}.synapse`)];
  return exact.reduce((sum, value, i) => sum + (value - found[i]!) ** 2, 0) / exact.length;
};

const size = fc.double({ min: -1, max: 1, noNaN: true }).map(Math.fround);
const weights = fc
  .tuple(fc.array(size, { minLength: 32, maxLength: 32 }), fc.constantFrom(0.02, 0.3, 4))
  .map(([list, unit]) => list.map((value) => Math.fround(value * unit)))
  .filter((list) => list.some((weight) => Math.abs(weight) > 0.001));

describe("the method", () => {
  it("mse takes the scale whose weights change the synapse's output least", () => {
    fc.assert(
      fc.property(weights, (list) => {
        const chosen = studied(matrix(list), {}, (study) => errorOf(study, "1"));
        const others = SCALES.map((scale) => studied(matrix(list), { scale }, (study) => errorOf(study, "1")));
        expect(chosen).toBeLessThanOrEqual(Math.min(...others) * (1 + 1e-6));
      }),
      { numRuns: 20 },
    );
  });

  it("max takes the largest scale at which no weight is cut off", () => {
    fc.assert(
      fc.property(weights, (list) => {
        const largest = Math.max(...list.map(Math.abs));
        const [layer] = studied(matrix(list), { method: "max" }, ({ layers: all }) => all);
        expect(layer!.clipped).toBe(0);
        expect(layer!.scale === 4096 || layer!.scale * 2 * largest > WEIGHT_MAX).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it("percentile cuts off as few weights as it says, for a finer grid", () => {
    const list = Array.from({ length: 160 }, (_, i) => (i === 7 ? 8 : ((i % 20) - 10) / 25));
    const layerOf = (options: Record<string, unknown>) => studied(matrix(list), options, (study) => study.layers[0]!);
    expect(layerOf({ method: "max" })).toMatchObject({ scale: 16, clipped: 0 });
    expect(layerOf({ method: "percentile", percentile: 99 })).toMatchObject({ scale: 512, clipped: 1 });
    expect(layerOf({ method: "percentile", percentile: 100 })).toMatchObject({ scale: 16, clipped: 0 });
  });
});

describe("a chosen scale", () => {
  it("leaves room for biases and thresholds, whatever the weights", () => {
    const tiny = Array.from({ length: 32 }, (_, i) => (i % 2 ? 1 : -1) * 0.01);
    for (const [bias, threshold] of [
      [0, 1],
      [3.5, 1],
      [-7, 1],
      [0, 100],
      [0, 7000],
    ] as const) {
      const [layer] = studied(matrix(tiny, [bias, 0], threshold), { biasCorrection: "none" }, (study) => study.layers);
      expect(layer!.scale * Math.abs(bias)).toBeLessThanOrEqual(BIAS_MAX);
      expect(layer!.scale * threshold).toBeLessThanOrEqual(THRESHOLD_MAX);
      expect(layer!.clippedBiases).toBe(0);
    }
  });

  it("leaves room for the sums that weights become where windows of a pool overlap, so that the file holds them", () => {
    const conv: Json = { kind: "Conv2d", inChannels: 1, outChannels: 1, kernelSize: 2, bias: false };
    const network = () =>
      make(
        [
          conv,
          neuron(),
          { kind: "SumPool2d", kernelSize: 2, stride: 1 },
          { ...conv, kernelSize: 1 },
          neuron(),
          { kind: "AvgPool2d", kernelSize: 1 },
          { kind: "Flatten" },
          dense(2, false, 4),
          neuron(),
        ],
        { "0.weight": [0.5, 1, -0.25, 1], "3.weight": [0.9], "7.weight": [1, 1, -1, 1, 0.5, 0.5, 1, -1] },
      );
    const overlapping = () =>
      make(
        [
          conv,
          neuron(),
          { kind: "SumPool2d", kernelSize: 2, stride: 1 },
          conv,
          neuron(),
          { kind: "Flatten" },
          dense(2, false, 1),
          neuron(),
        ],
        { "0.weight": [0.5, 1, -0.25, 1], "3.weight": [0.98, 0.98, 0.98, -0.5], "6.weight": [1, -1] },
      );
    const loihi = targetById("loihi");
    const rules = (study: QuantizationStudy) =>
      loihi.check(study.twin).flatMap(({ rule, severity }) => (severity === "error" ? [rule] : []));
    expect(studied(network(), {}, rules)).toEqual([]);
    studied(overlapping(), {}, (study) => {
      expect(rules(study)).toEqual([]);
      // four weights meet in the middle: 4 * 0.98 must stay below 254 steps
      expect(study.layers[1]!.scale * 4 * 0.98).toBeLessThanOrEqual(WEIGHT_MAX);
      expect(study.layers[1]!.scale).toBe(64);
    });
    // a scale that is given is taken, and the rules say what it breaks
    expect(studied(overlapping(), { scale: 128 }, rules)).toEqual(["loihi/weight-range"]);
  });

  it("is chosen for the weights that a folded batch norm leaves", () => {
    const list = new Array(32).fill(0.05);
    const scaleOf = (network: Network) => studied(network, { method: "max" }, ({ layers: all }) => all[0]!.scale);
    expect(scaleOf(matrix(list))).toBe(4096);
    const norm = { kind: "BatchNorm1d", numFeatures: 2, eps: 1e-30 };
    const normed = make([{ kind: "Flatten" }, dense(2), norm, neuron()], { "1.weight": list, "2.weight": [20, 1] });
    // the norm multiplies one row by 20: 1.0 must fit into 254 steps
    expect(scaleOf(normed)).toBe(128);
  });

  it("is not asked of neurons that bring their own", () => {
    const cuba: Json = { kind: "CubaLIFNode", currentDecay: 1, voltageDecay: 0, scale: 32 };
    const network = make([{ kind: "Flatten" }, dense(2), cuba], { "1.weight": new Array(32).fill(0.01) });
    expect(studied(network, { scale: 256 }, ({ layers: all }) => all[0]!.scale)).toBe(32);
  });
});

describe('threshold: "fit"', () => {
  it("multiplies weights, bias and threshold alike, and changes the synapse's output less than without", () => {
    const list = Array.from({ length: 32 }, (_, i) => ((i * 37) % 32) / 13 - 1.3);
    const facts = (threshold: string) =>
      studied(matrix(list, [0.3, -0.4], 0.8), { threshold, scale: 16, biasCorrection: "none" }, (study) => ({
        layer: study.layers[0]!,
        drive: driveOf(study.twin, "1.synapse"),
        exact: driveOf(study.folded, "1.synapse"),
      }));
    const [kept, fitted] = [facts("keep"), facts("fit")];
    expect(kept.layer.threshold).toBe(12);
    expect(kept.layer.thresholdCut).toBeCloseTo(0.8);
    const factor = fitted.layer.threshold / (0.8 * 16);
    expect(factor).toBeGreaterThan(1);
    expect(factor).toBeLessThan(2);
    expect(fitted.layer.thresholdCut).toBeCloseTo(0, 4);
    const error = (drive: Float32Array, exact: Float32Array, by: number) =>
      drive.reduce((sum, value, i) => sum + (value / by - exact[i]!) ** 2, 0);
    expect(error(fitted.drive, fitted.exact, factor)).toBeLessThan(error(kept.drive, kept.exact, 1));
  });

  it("keeps weights and biases in range", () => {
    const list = Array.from({ length: 32 }, (_, i) => (i % 3 ? 1 : -1) * (0.1 + i / 1000));
    studied(matrix(list, [15.5, -15.9], 0.7), { threshold: "fit", scale: 256 }, ({ layers: [layer] }) => {
      expect(layer!.clippedBiases).toBe(0);
    });
  });
});

describe("bias correction", () => {
  /** At this scale every weight of 0.05 is rounded to 0 or up to 0.125: much is shifted. */
  const coarse = { scale: 16 };
  const list = Array.from({ length: 48 }, (_, i) => (i < 16 ? 0.05 : i < 32 ? 0.09 : -0.07));
  const bias = [0.1, -0.2, 0.3];
  const means = (drive: Float32Array) =>
    [0, 1, 2].map((c) => {
      const own = drive.filter((_, i) => i % 3 === c);
      return own.reduce((sum, value) => sum + value, 0) / own.length;
    });
  const shifts = (network: Network, biasCorrection: string, options: Record<string, unknown> = {}) =>
    studied(network, { ...coarse, ...options, biasCorrection }, ({ folded, twin, layers: [layer] }) => {
      const factor = layer!.threshold / coarse.scale;
      const wanted = means(driveOf(folded, "1.synapse")).map((value) => value * factor);
      const found = means(driveOf(twin, "1.synapse"));
      return {
        largest: Math.max(...wanted.map((value, c) => Math.abs(value - found[c]!))) * coarse.scale,
        layer: layer!,
        factor,
      };
    });

  it("takes back what rounding shifts on average, up to the half step to which biases are rounded", () => {
    const none = shifts(matrix(list, bias), "none");
    expect(none.largest).toBeGreaterThan(1);
    expect(none.layer.biasCorrection).toBe(0);
    const existing = shifts(matrix(list, bias), "existing");
    // half a step, and the rounding of biases in the measured means themselves
    expect(existing.largest).toBeLessThanOrEqual(1);
    // measured on other spikes of the same images
    expect(Math.abs(existing.layer.biasCorrection - none.largest)).toBeLessThan(1);
  });

  it("does so in the unit of a threshold that was fitted", () => {
    const fitted = shifts(matrix(list, bias), "existing", { threshold: "fit" });
    expect(fitted.factor).toBeGreaterThan(1.2);
    expect(fitted.largest).toBeLessThanOrEqual(1);
  });

  it("gives layers without biases some only when it is asked for", () => {
    expect(shifts(matrix(list), "existing").layer).toMatchObject({ biases: 0, biasCorrection: 0 });
    const all = shifts(matrix(list), "all");
    expect(all.layer.biases).toBe(3);
    expect(all.largest).toBeLessThanOrEqual(1);
  });

  it("does without biases where the chip would add them to the wrong register", () => {
    const cuba: Json = { kind: "CubaLIFNode", currentDecay: 0.5, voltageDecay: 0, scale: 16 };
    const network = make([{ kind: "Flatten" }, dense(3), cuba], { "1.weight": list });
    expect(shifts(network, "all").layer.biases).toBe(0);
  });
});

describe("numbers beyond the chip's", () => {
  it("are counted, with the largest change", () => {
    const list = [...new Array(15).fill(0.5), 300 / 64, ...new Array(15).fill(-0.5), -300 / 64];
    const layer = studied(matrix(list, [100, 0.01], 1.01), { scale: 64, biasCorrection: "none" }, (s) => s.layers[0]!);
    expect(layer).toMatchObject({ weights: 32, rounded: 2, clipped: 2, biases: 2, roundedBiases: 2, clippedBiases: 1 });
    expect(layer.largestChange).toBe(300 - WEIGHT_MAX);
    expect(300 + WEIGHT_MIN).toBeLessThan(layer.largestChange);
    expect([layer.threshold, layer.thresholdCut]).toEqual([64, expect.closeTo(0.64, 4)]);
  });
});
