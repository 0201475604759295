/**
 * One training: network, optimizer, schedule, loader and random numbers, stepped batch by batch. All that decides the next step is in
 * `save()`, so that a run that was stopped anywhere continues bit for bit as if it never had been.
 */
import { fail, type RandomState, RandomStream } from "../core/index.ts";
import { type Batch, type Dataset, Loader, type LoaderState } from "../data/index.ts";
import { type Network, resetNet, type StoredTensor, shuffleStream, toFloat32, trainingStream } from "../model/index.ts";
import { backward, scope, Tensor } from "../tensor/index.ts";
import { clipGradNorm } from "./clip.ts";
import type { TrainingConfig } from "./config.ts";
import { countCorrect, rateLosses } from "./losses.ts";
import { Optimizer } from "./optimizers.ts";
import { learningRateAt } from "./schedules.ts";

/** Sums over the samples of an epoch so far. */
export interface EpochSums {
  loss: number;
  correct: number;
  samples: number;
}

/** Everything besides tensors that a resumed run needs. */
export interface TrainingState {
  epoch: number;
  sums: EpochSums;
  random: RandomState;
  loader: LoaderState;
  /** Step counts of the optimizer; its moments are tensors. */
  optimizerSteps: Record<string, number>;
}

export class TrainingRun {
  epoch = 0;
  sums: EpochSums = { loss: 0, correct: 0, samples: 0 };
  readonly optimizer: Optimizer;
  readonly loader: Loader;
  #random: RandomStream;

  constructor(
    readonly network: Network,
    readonly dataset: Dataset,
    readonly config: TrainingConfig,
    readonly seed: number,
  ) {
    this.#random = trainingStream(seed);
    this.optimizer = new Optimizer(config.optimizer, network.parameters());
    this.loader = new Loader(dataset.train, dataset.shape, {
      batchSize: config.batchSize,
      random: shuffleStream(seed),
      shift: config.shift,
    });
  }

  get learningRate(): number {
    return learningRateAt(this.config.schedule, this.config.optimizer.learningRate, this.epoch, this.config.epochs);
  }

  /** Trains on one batch of the loader. */
  step(batch: Batch): void {
    this.optimizer.learningRate = this.learningRate;
    scope(() => this.forwardAndBackward(batch));
    resetNet(this.network);
    if (this.config.clipNorm !== undefined) clipGradNorm(this.network.parameters().values(), this.config.clipNorm);
    this.optimizer.step();
    this.optimizer.zeroGrad();
  }

  private forwardAndBackward({ images, labels }: Batch): void {
    const samples = Tensor.from(images, [labels.length, ...this.network.inputShape]);
    const rates = this.network.forward(samples, { training: true, random: this.#random });
    const loss = rateLosses[this.config.loss](rates, labels);
    const value = loss.item();
    if (!Number.isFinite(value)) {
      fail("VALUE", {
        where: `training, epoch ${this.epoch + 1}, sample ${this.sums.samples}`,
        expected: "a finite loss",
        got: `${value}`,
        hint: "Lower the learning rate or set training.clipNorm.",
      });
    }
    this.sums.loss += value * labels.length;
    this.sums.correct += countCorrect(rates.toArray(), rates.shape[1]!, labels);
    this.sums.samples += labels.length;
    backward(loss);
  }

  /** Starts the next epoch; returns the sums of the one that ended. */
  endEpoch(): EpochSums {
    const ended = this.sums;
    this.sums = { loss: 0, correct: 0, samples: 0 };
    this.epoch++;
    return ended;
  }

  save(): { state: TrainingState; tensors: Map<string, Tensor> } {
    const tensors = new Map<string, Tensor>();
    const optimizerSteps: Record<string, number> = {};
    for (const [name, value] of this.optimizer.state()) {
      if (value instanceof Tensor) tensors.set(name, value);
      else optimizerSteps[name] = value;
    }
    const { epoch, sums } = this;
    const state = { epoch, sums: { ...sums }, random: this.#random.state, loader: this.loader.state, optimizerSteps };
    return { state, tensors };
  }

  /** Continues from a saved state; the network's own tensors are loaded by the caller. */
  restore(state: TrainingState, tensors: ReadonlyMap<string, StoredTensor>): void {
    this.epoch = state.epoch;
    this.sums = { ...state.sums };
    this.#random = RandomStream.fromState(state.random);
    this.loader.load(state.loader);
    const moments = [...tensors].map(([name, tensor]) => [name, toFloat32("optimizer state", name, tensor)] as const);
    this.optimizer.load(new Map<string, number | Float32Array>([...moments, ...Object.entries(state.optimizerSteps)]));
  }

  dispose(): void {
    this.optimizer.dispose();
  }
}
