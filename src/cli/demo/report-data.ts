/** What a run's page shows, gathered from the results of the path. */
import os from "node:os";
import { core } from "../../kernels/index.ts";
import { summarize } from "../../model/index.ts";
import { layerRaster, type ReportData } from "../../report/index.ts";
import { confusionMatrix } from "../../verify/index.ts";
import { packageVersion } from "../version.ts";
import type { PathResult, TargetResult } from "./path.ts";

export function reportData(result: PathResult, facts: { seconds: number; date: string }): ReportData {
  const { config, dataset, network, float } = result;
  const classes = Array.from({ length: dataset.classes }, (_, i) => `${i}`);
  return {
    format: "spikeship-report",
    version: 1,
    title: config.name,
    date: facts.date,
    producer: `spikeship ${packageVersion()}`,
    machine: machineLine(),
    seconds: facts.seconds,
    seed: config.seed,
    config: config as Record<string, unknown>,
    dataset: {
      name: dataset.name,
      split: `${dataset.train.count} samples for training, ${dataset.test.count} held out for testing`,
      trainSamples: dataset.train.count,
      testSamples: dataset.test.count,
      classes,
      ...(dataset.attribution ? { attribution: dataset.attribution } : {}),
    },
    network: {
      inputShape: [...network.inputShape],
      steps: network.steps,
      encoder: network.encoder.kind,
      parameters: network.parameterCount(),
      layers: summarize(network).map((row) => ({ ...row, outputShape: [...row.outputShape] })),
    },
    training: [
      {
        title: "Training",
        note: "The spiking network learns with surrogate gradients.",
        epochs: result.training.epochs,
      },
      ...result.targets.map(({ target, tuning }) => ({
        title: `Fine-tuning for ${target.title}`,
        note: "The twin computes with the chip's numbers while it learns.",
        epochs: tuning.epochs,
      })),
    ],
    score: { correct: float.correct, samples: float.count },
    confusion: [
      { title: "Trained network", counts: confusionMatrix(float.rates, float.labels) },
      ...result.targets.map(({ target, proof }) => ({
        title: `${target.title}, the written file`,
        counts: confusionMatrix(chipRates(proof.proof.rates), proof.proof.labels),
      })),
    ],
    sample: sampleOf(result),
    targets: result.targets.map((target) => targetFacts(target)),
  };
}

/** Rates of the file in the chip's own numbers: the last comparison always runs in them. */
function chipRates(rates: TargetResult["proof"]["proof"]["rates"]): Float32Array {
  return rates.at(-1)!.chip;
}

function sampleOf({ targets, dataset }: PathResult): ReportData["sample"] {
  const first = targets[0]?.proof.proof;
  if (!first?.firstSample) return null;
  return {
    index: 0,
    label: first.labels[0]!,
    image: { shape: dataset.shape, values: [...first.firstSample.image] },
  };
}

function targetFacts({
  target,
  artefact,
  inspection,
  quantization,
  proof: { verdict, proof },
}: TargetResult): ReportData["targets"][number] {
  const last = verdict.comparisons.at(-1)!.predictions;
  const first = proof.firstSample;
  return {
    id: target.id,
    title: target.title,
    about: target.about,
    scores: {
      prepared: { correct: verdict.comparisons[0]!.predictions.trainedCorrect, samples: last.samples },
      chip: { correct: last.chipCorrect, samples: last.samples },
    },
    verdict,
    files: artefact.files,
    inspection: { about: inspection.about, layers: inspection.layers ?? [] },
    ...(quantization ? { quantization } : {}),
    findings: artefact.findings,
    lossy: artefact.lossy,
    sample: first && {
      rates: { trained: [...first.trained.rates], chip: [...first.chip.rates] },
      layers: first.trained.layers.map((trace) =>
        layerRaster(trace, first.chip.layers.find((other) => other.layer === trace.layer)!, 0),
      ),
    },
    proven: target.proven,
    notProven: target.notProven,
    commands: target.commands(artefact),
  };
}

function machineLine(): string {
  const { cpu, isa, threads } = core().info();
  return `${cpu}, ${threads} threads, ${isa}, ${os.type()} ${os.arch()}`;
}
