/**
 * Which layer costs what: each layer is quantized alone, everything else stays float, and accuracy and spikes are compared with the float
 * network on the same input spikes. It measures; it changes nothing.
 */
import { type Split, sampleBatch } from "../data/index.ts";
import { evaluationStream, isSpikingLayer, type Network, resetNet } from "../model/index.ts";
import { noGrad, scope, Tensor } from "../tensor/index.ts";
import { type Evaluation, evaluate } from "../train/index.ts";
import type { QuantizationStudy } from "./study.ts";

/** What it costs to quantize one layer, or all. Shares from 0 to 1. */
export interface QuantizationCost {
  accuracy: number;
  /** Of the float network, minus this. */
  accuracyLost: number;
  /** Samples whose predicted class changes. */
  predictionsChanged: number;
  /** Spikes of the layer itself that differ, of all its values; null for all layers together. */
  flips: number | null;
  /** Spikes of the last layer that differ. */
  outputFlips: number;
}

export interface Sensitivity {
  /** Test samples that accuracies were measured on, and those whose spikes were compared. */
  samples: number;
  flipSamples: number;
  /** Of the float network in the form the chip holds. */
  foldedAccuracy: number;
  /** By path of the layer, in the order of the network. */
  layers: Map<string, QuantizationCost>;
  all: QuantizationCost;
}

export interface SensitivityOptions {
  /** Only the first samples of the split. */
  samples?: number;
  seed?: number;
  onProgress?: (done: number, of: number) => void;
}

/** Spikes are compared on one batch. */
const FLIP_SAMPLES = 64;

/** Runs the float network, the twin, and for each layer the network in which it alone is quantized. */
export function measureSensitivity(
  study: QuantizationStudy,
  split: Split,
  options: SensitivityOptions = {},
): Sensitivity {
  const judge = new Judge(study, split, options);
  const places = study.layers.map(({ place }) => place);
  const layers = new Map<string, QuantizationCost>();
  places.forEach((place, i) => {
    options.onProgress?.(i, places.length + 1);
    const network = study.only(place);
    try {
      layers.set(place, judge.costOf(network, place));
    } finally {
      network.dispose();
    }
  });
  const all = judge.costOf(study.twin, null);
  options.onProgress?.(places.length + 1, places.length + 1);
  return {
    samples: judge.exact.count,
    flipSamples: judge.flipSamples,
    foldedAccuracy: judge.exact.accuracy,
    layers,
    all,
  };
}

/** Holds networks against the folded float one. */
class Judge {
  readonly exact: Evaluation;
  readonly flipSamples: number;
  readonly #spikes: Map<string, Uint8Array>;

  constructor(
    study: QuantizationStudy,
    private readonly split: Split,
    private readonly options: SensitivityOptions,
  ) {
    this.exact = this.#evaluate(study.folded);
    this.flipSamples = Math.min(FLIP_SAMPLES, this.exact.count);
    this.#spikes = this.#spikesOf(study.folded);
  }

  /** `place`: of the layer whose own spikes are compared. */
  costOf(network: Network, place: string | null): QuantizationCost {
    const { accuracy, predicted } = this.#evaluate(network);
    const spikes = this.#spikesOf(network);
    const own = place === null ? undefined : [...spikes.keys()].find((path) => path.startsWith(`${place}.`));
    const changed = predicted.filter((label, i) => label !== this.exact.predicted[i]).length;
    return {
      accuracy,
      accuracyLost: this.exact.accuracy - accuracy,
      predictionsChanged: changed / predicted.length,
      flips: own === undefined ? null : this.#flips(spikes, own),
      outputFlips: this.#flips(spikes, [...spikes.keys()].at(-1)!),
    };
  }

  #evaluate(network: Network): Evaluation {
    const { samples, seed } = this.options;
    return evaluate(network, this.split, {
      ...(samples === undefined ? {} : { samples }),
      ...(seed === undefined ? {} : { seed }),
    });
  }

  #flips(spikes: ReadonlyMap<string, Uint8Array>, path: string): number {
    const [found, wanted] = [spikes.get(path)!, this.#spikes.get(path)!];
    let flips = 0;
    for (let i = 0; i < found.length; i++) if (found[i] !== wanted[i]) flips++;
    return flips / found.length;
  }

  /** Spikes of every spiking layer on the first samples, by path, in order. */
  #spikesOf(network: Network): Map<string, Uint8Array> {
    const batch = sampleBatch(this.split, 0, this.flipSamples);
    const spikes = new Map<string, Uint8Array>();
    resetNet(network);
    noGrad(() =>
      scope(() => {
        const random = evaluationStream(this.options.seed ?? 0);
        const images = Tensor.from(batch.images, [this.flipSamples, ...network.inputShape]);
        network.forwardSequence(network.encode(images, random), {
          training: false,
          random,
          observe(layer, output) {
            if (isSpikingLayer(layer)) spikes.set(layer.path, Uint8Array.from(output.toArray()));
          },
        });
      }),
    );
    resetNet(network);
    return spikes;
  }
}
