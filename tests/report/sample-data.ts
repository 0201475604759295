/** A believable report without training anything: seeded spikes, compared, judged and drawn by the real functions. */
import { sha256 } from "../../src/core/index.ts";
import type { LayerTrace, TargetContract } from "../../src/exporters/index.ts";
import { layerRaster, type ReportData, type TargetFacts } from "../../src/report/index.ts";
import {
  compareLayers,
  compareRuns,
  confusionMatrix,
  type JudgedComparison,
  judged,
  verdictDocument,
} from "../../src/verify/index.ts";
import { sampleQuantization } from "./sample-quantization.ts";
import { CLASSES, Dice, flipped, LAYERS, ratesOf, runNetwork, SAMPLES, STEPS } from "./sample-spikes.ts";

export interface SampleOptions {
  seed?: number;
  /** Put differences into the file that must be exact. */
  broken?: boolean;
  /** Used for the title, layer names, classes, rules and files. */
  name?: (plain: string) => string;
}

const EXACT: TargetContract = {
  maxFlipRate: 0,
  minPredictionAgreement: 1,
  statement: "Every spike of every layer is identical, and so is every answer.",
};
const CLOSE: TargetContract = {
  maxFlipRate: 0.02,
  minPredictionAgreement: 0.98,
  statement: "At most 2% of the spikes of a layer differ, and at least 98% of the answers agree.",
};

function phase(random: Dice, title: string, note: string, epochs: number, from: { loss: number; accuracy: number }) {
  return {
    title,
    note,
    epochs: Array.from({ length: epochs }, (_, i) => {
      const fade = Math.exp(-i / 3);
      const noise = () => (random.uniform() - 0.5) * 0.008;
      return {
        epoch: i + 1,
        learningRate: 0.0005 * (1 + Math.cos((Math.PI * i) / epochs)),
        trainLoss: from.loss * (0.12 + 0.88 * fade) + Math.abs(noise()),
        trainAccuracy: Math.min(1, from.accuracy + (0.995 - from.accuracy) * (1 - fade) + noise()),
        testAccuracy: Math.min(1, from.accuracy + (0.972 - from.accuracy) * (1 - fade) + noise()),
      };
    }),
  };
}

/** An 8 by 8 picture of a ring, brightest on its line. */
function ring(): number[] {
  return Array.from({ length: 64 }, (_, i) => {
    const distance = Math.hypot((i % 8) - 3.5, Math.floor(i / 8) - 3.5);
    return Number(Math.max(0, 1 - Math.abs(distance - 2.6) / 1.3).toFixed(3));
  });
}

interface TargetParts {
  id: string;
  title: string;
  about: string;
  file: string;
  comparisons: { title: string; contract: TargetContract; chip: LayerTrace[] }[];
}

function targetFacts(
  parts: TargetParts,
  trained: LayerTrace[],
  labels: Int32Array,
  name: (plain: string) => string,
): TargetFacts {
  const rename = (traces: LayerTrace[]) => traces.map((trace) => ({ ...trace, layer: name(trace.layer) }));
  const ours = rename(trained);
  const comparisons = parts.comparisons.map(
    ({ title, contract, chip }): JudgedComparison =>
      judged(name(title), contract, {
        layers: compareLayers(ours, rename(chip)),
        predictions: compareRuns(ratesOf(trained), ratesOf(chip), labels),
      }),
  );
  const chip = parts.comparisons.at(-1)!.chip;
  const last = comparisons.at(-1)!.predictions;
  const files = [parts.file, "manifest.json", `run_${parts.id}.py`].map((path, i) => ({
    path: name(path),
    bytes: [148_312, 2_104, 3_377][i]!,
    sha256: sha256(path),
    content: ["input, conv1, conv2, fc1, fc2", "hashes and shapes of all files", "loads the file and runs it"][i]!,
  }));
  return {
    id: parts.id,
    title: name(parts.title),
    about: parts.about,
    scores: {
      prepared: { correct: last.trainedCorrect, samples: SAMPLES },
      chip: { correct: last.chipCorrect, samples: SAMPLES },
    },
    verdict: verdictDocument({
      target: parts.id,
      file: name(parts.file),
      hashes: { network: sha256("network"), file: sha256(parts.file), input: sha256("input") },
      comparisons,
    }),
    files,
    ...(parts.id === "loihi" ? { quantization: sampleQuantization(parts.id, name) } : {}),
    findings: [
      {
        rule: name(`${parts.id}/pool-lowered`),
        severity: "warning",
        place: name("pool1"),
        message: "An average pool of 2 by 2 has no counterpart and was written as a convolution.",
        source: "the loader's list of layers",
        rewrite: "Use a convolution with stride 2.",
      },
      {
        rule: `${parts.id}/threshold-grid`,
        severity: "note",
        place: name("fc1"),
        message: "The threshold 1.0 lies on the chip's grid.",
        source: "the neuron's fixed-point model",
      },
    ],
    lossy: [
      { place: name("conv1.weight"), what: "rounded to 8 bits in even steps", count: 144, largestChange: 0.0078124 },
      { place: name("fc1.weight"), what: "rounded to 8 bits in even steps", count: 32_768, largestChange: 0.0156 },
    ],
    sample: {
      rates: {
        trained: [...ratesOf(trained).subarray(0, CLASSES)],
        chip: [...ratesOf(chip).subarray(0, CLASSES)],
      },
      layers: ours.map((trace, i) => layerRaster(trace, rename(chip)[i]!, 0)),
    },
    proven: ["The file, run with the chip's arithmetic, gives the spikes that its contract asks for on these samples."],
    notProven: ["How the silicon itself behaves: no chip was present.", "Samples that were not compared."],
    commands: [
      {
        command: `python3 run_${parts.id}.py --input samples.npy --output rates.npy`,
        purpose: "Runs the file; needs the chip's own software.",
      },
    ],
  };
}

/** Same options, same data. */
export function sampleReportData(options: SampleOptions = {}): ReportData {
  const random = new Dice(options.seed ?? 7);
  const name = options.name ?? ((plain: string) => plain);
  const labels = Int32Array.from({ length: SAMPLES }, (_, i) => (i === 0 ? 0 : random.integer(CLASSES)));
  const trained = runNetwork(random, labels);
  const exact = options.broken ? flipped(random, trained, 1e-4) : trained;
  const rounded = flipped(random, trained, 1.5e-4);
  const rates = ratesOf(trained);
  const matrix = (title: string, traces: LayerTrace[]) => ({ title, counts: confusionMatrix(ratesOf(traces), labels) });
  const { trainedCorrect } = compareRuns(rates, rates, labels);
  return {
    format: "spikeship-report",
    version: 1,
    title: name("Handwritten digits, from training to the chip"),
    date: "2026-11-21",
    producer: "spikeship 0.1.0",
    machine: "2 cores of a server processor, 2 threads, Linux",
    seconds: 141.8,
    seed: 7,
    config: { name: name("demo"), seed: 7, network: { steps: STEPS, layers: LAYERS.map(({ layer }) => layer) } },
    dataset: {
      name: "digits",
      split: "120 of 1,557 images kept apart",
      trainSamples: 1437,
      testSamples: SAMPLES,
      classes: Array.from({ length: CLASSES }, (_, i) => name(`${i}`)),
      attribution: "E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits.",
    },
    network: {
      inputShape: [1, 8, 8],
      steps: STEPS,
      encoder: "PoissonEncoder: brighter pixels fire more often",
      parameters: 35_850,
      layers: LAYERS.map(({ path, layer, neurons }) => ({
        path: name(path),
        layer,
        outputShape: neurons,
        parameters: path === "fc1" ? 32_832 : 1_006,
      })),
    },
    training: [
      phase(random, "Training", "With ordinary numbers, before any chip is thought of.", 12, {
        loss: 0.09,
        accuracy: 0.62,
      }),
      phase(random, "Fine-tuning for Loihi", "Weights of 8 bits in even steps.", 4, { loss: 0.03, accuracy: 0.93 }),
      phase(random, "Fine-tuning for Lynxi", "Every result rounded to half precision.", 1, {
        loss: 0.02,
        accuracy: 0.96,
      }),
    ],
    score: { correct: trainedCorrect, samples: SAMPLES },
    confusion: [
      matrix("The trained network", trained),
      matrix("Loihi: the file, run as on the chip", exact),
      matrix("Lynxi: the file, run as on the chip", rounded),
    ],
    sample: { index: 0, label: 0, image: { shape: [1, 8, 8], values: ring() } },
    targets: [
      targetFacts(
        {
          id: "loihi",
          title: "Loihi",
          about:
            "A chip with integer neurons: weights have 8 bits, and potentials are whole numbers that decay by shifts.",
          file: "network.net",
          comparisons: [{ title: "The file on the simulated chip", contract: EXACT, chip: exact }],
        },
        trained,
        labels,
        name,
      ),
      targetFacts(
        {
          id: "lynxi",
          title: "Lynxi",
          about: "A chip that computes in half precision: every result is rounded to 11 significant bits.",
          file: "graph.onnx",
          comparisons: [
            { title: "The graph in single precision", contract: EXACT, chip: trained },
            { title: "In half precision, as on the chip", contract: CLOSE, chip: rounded },
          ],
        },
        trained,
        labels,
        name,
      ),
    ],
  };
}
