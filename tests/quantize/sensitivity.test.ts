/** Which layer costs what: one layer quantized at a time, judged against the float network; and the report that keeps it. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { openDataset, type Split, selectSamples } from "../../src/data/index.ts";
import { layers } from "../../src/layers.ts";
import { type Network, networkFromDescription } from "../../src/model/index.ts";
import {
  calibrationSamples,
  measureSensitivity,
  QUANTIZATION_FILE,
  type QuantizationStudy,
  quantizationReport,
  studyForLoihi,
  writeQuantizationReport,
} from "../../src/quantize/index.ts";
import { Tensor } from "../../src/tensor/index.ts";
import { evaluate } from "../../src/train/index.ts";
import { temporaryFolder } from "../error-of.ts";

const folder = temporaryFolder();
const digits = openDataset({ kind: "digits" });
const SAMPLES = 80;
const test: Split = selectSamples(
  digits.test,
  Array.from({ length: SAMPLES }, (_, i) => i),
);
const seed = 7;

/** Weights on the grid and thresholds off it, but for the middle layer, whose weights all round to zero at a scale of 16. */
function unevenNetwork(): Network {
  const dense = (inFeatures: number, outFeatures: number) => ({
    kind: "Linear",
    inFeatures,
    outFeatures,
    bias: false,
  });
  const neuron = (vThreshold: number) => ({ kind: "IFNode", vThreshold });
  const root = {
    kind: "Sequential",
    layers: {
      flatten: { kind: "Flatten" },
      first: dense(64, 20),
      firstSpikes: neuron(17 / 16),
      middle: dense(20, 20),
      middleSpikes: neuron(1 / 16),
      last: dense(20, 10),
      lastSpikes: neuron(17 / 16),
    },
  };
  const network = networkFromDescription(
    { inputShape: [1, 8, 8], steps: 6, encoder: { kind: "PoissonEncoder" }, root },
    layers,
    3,
  );
  for (const [name, unit] of [
    ["first", 1 / 8],
    ["middle", 1 / 20],
    ["last", 1 / 8],
  ] as const) {
    const layer = network.layer(name);
    const { shape, size } = layer.tensor("weight");
    const sign = (i: number) => ((i * 7919) % 13) - 5;
    layer.setTensor(
      "weight",
      Tensor.from(
        Float32Array.from({ length: size }, (_, i) => (Math.sign(sign(i)) || 1) * unit),
        shape,
      ),
    );
  }
  return network;
}

function studied<R>(options: Record<string, unknown>, body: (study: QuantizationStudy, network: Network) => R): R {
  const network = unevenNetwork();
  const study = studyForLoihi(network, { options, calibration: calibrationSamples(digits, 8) });
  try {
    return body(study, network);
  } finally {
    for (const each of [study, study.twin, network]) each.dispose();
  }
}

describe("a network in which one layer alone is quantized", () => {
  it("has a block there and float layers elsewhere", () => {
    studied({ scale: 64 }, ({ only }) => {
      const network = only("middle");
      const kinds = Object.fromEntries(network.layers().map(({ path, kind }) => [path, kind]));
      expect(kinds).toMatchObject({ first: "Sequential", middle: "Block", last: "Sequential" });
      network.dispose();
    });
  });
});

describe("sensitivity", () => {
  it("finds the layer that costs all, and no cost where the chip holds a layer's numbers as they are", () => {
    studied({ scale: 16 }, (study) => {
      const { layers: costs, all } = measureSensitivity(study, test, { seed });
      expect([...costs.keys()]).toEqual(["first", "middle", "last"]);
      for (const place of ["first", "last"]) {
        expect(costs.get(place), place).toMatchObject({ accuracyLost: 0, predictionsChanged: 0, flips: 0 });
        expect(costs.get(place)!.outputFlips, place).toBe(0);
      }
      expect(costs.get("middle")!.flips).toBeGreaterThan(0.05);
      // nothing else is quantized in a way that shows
      expect({ ...costs.get("middle"), flips: null }).toEqual(all);
    });
  });

  it("measures accuracies as evaluation does, on as many samples as are asked for", () => {
    studied({}, (study, network) => {
      const measured = measureSensitivity(study, test, { seed, samples: 50 });
      const accuracyOf = (each: Network) => evaluate(each, test, { seed, samples: 50 }).accuracy;
      expect(measured.samples).toBe(50);
      expect(measured.flipSamples).toBe(50);
      expect(measured.foldedAccuracy).toBe(accuracyOf(network));
      expect(measured.all.accuracy).toBe(accuracyOf(study.twin));
      expect(measured.all.accuracyLost).toBeCloseTo(measured.foldedAccuracy - measured.all.accuracy, 12);
      expect(measured.all.flips).toBeNull();
    });
  });

  it("says how far it is, up to the end", () => {
    studied({}, (study) => {
      const seen: [number, number][] = [];
      measureSensitivity(study, test, { seed, samples: 4, onProgress: (done, of) => seen.push([done, of]) });
      expect(seen).toEqual([
        [0, 4],
        [1, 4],
        [2, 4],
        [4, 4],
      ]);
    });
  });
});

describe("the report on a quantization", () => {
  it("joins layers with their costs, and is a file of plain JSON", () => {
    studied({ scale: 16 }, (study) => {
      const sensitivity = measureSensitivity(study, test, { seed, samples: 20 });
      const report = quantizationReport({
        target: "loihi",
        options: { scale: 16 },
        calibrationSamples: 8,
        study,
        sensitivity,
        trained: 0.5,
        quantized: 0.25,
        fineTuned: null,
      });
      expect(report.layers.map(({ place, cost }) => [place, cost])).toEqual([...sensitivity.layers]);
      expect(report.accuracy).toEqual({
        trained: 0.5,
        folded: sensitivity.foldedAccuracy,
        quantized: 0.25,
        fineTuned: null,
      });
      expect(report.measured).toEqual({ samples: 20, flipSamples: 20, all: sensitivity.all });
      expect(report.layers[1]).toMatchObject({
        synapse: "Linear",
        scale: 16,
        weights: 400,
        rounded: 400,
        threshold: 1,
      });
      const path = writeQuantizationReport(folder, report);
      expect(path.endsWith(QUANTIZATION_FILE)).toBe(true);
      expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(report);
    });
  });

  it("has empty costs where none were measured", () => {
    studied({}, (study) => {
      const report = quantizationReport({
        target: "loihi",
        options: {},
        calibrationSamples: 8,
        study,
        sensitivity: null,
        trained: null,
        quantized: 0.25,
        fineTuned: 0.5,
      });
      expect(report.layers.map(({ cost }) => cost)).toEqual([null, null, null]);
      expect(report.accuracy).toEqual({ trained: null, folded: null, quantized: 0.25, fineTuned: 0.5 });
      expect(report.measured).toBeNull();
      // every neuron fires at its threshold in training, above it on the chip: listed, and not as the same function
      expect(report.changes.filter(({ exact }) => !exact)).toHaveLength(3);
    });
  });
});
