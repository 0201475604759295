/**
 * One training: network, optimizer, schedule, loader and random numbers, stepped batch by batch. All that decides the next step is in
 * `save()`, so that a run that was stopped anywhere continues bit for bit as if it never had been.
 */
import { fail, RandomStream } from "../core/index.ts";
import { type Batch, type Dataset, Loader } from "../data/index.ts";
import { type Network, resetNet, type StoredTensor, shuffleStream, toFloat32, trainingStream } from "../model/index.ts";
import { backward, scope, Tensor, withPrecision } from "../tensor/index.ts";
import { clipGradNorm } from "./clip.ts";
import type { TrainingConfig } from "./config.ts";
import { expectFits } from "./fit.ts";
import { countCorrect, rateLosses } from "./losses.ts";
import { MarginLoss } from "./margin.ts";
import { Optimizer } from "./optimizers.ts";
import { learningRateAt } from "./schedules.ts";
import type { EpochSums, TrainingState } from "./state.ts";

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
    expectFits(network, dataset);
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
    withPrecision(this.config.precision, () => scope(() => this.#forwardAndBackward(batch)));
    resetNet(this.network);
    if (this.config.clipNorm !== undefined) clipGradNorm(this.network.parameters().values(), this.config.clipNorm);
    this.optimizer.step();
    this.optimizer.zeroGrad();
  }

  #forwardAndBackward({ images, labels }: Batch): void {
    const samples = Tensor.from(images, [labels.length, ...this.network.inputShape]);
    const margin = this.config.margin ? new MarginLoss(this.config.margin, this.network) : null;
    const rates = this.network.forward(samples, {
      training: true,
      random: this.#random,
      ...(margin ? { charged: margin.charged } : {}),
    });
    const task = rateLosses[this.config.loss](rates, labels);
    const loss = margin ? margin.addedTo(task) : task;
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
    const { seed, config, epoch, sums } = this;
    const [random, loader] = [this.#random.state, this.loader.state];
    return { state: { seed, config, epoch, sums: { ...sums }, random, loader, optimizerSteps }, tensors };
  }

  /** Continues from a saved state; the network's own tensors are loaded by the caller. @throws OPTION when the settings differ */
  restore(state: TrainingState, tensors: ReadonlyMap<string, StoredTensor>): void {
    this.#expectSettings(state);
    this.epoch = state.epoch;
    this.sums = { ...state.sums };
    this.#random = RandomStream.fromState(state.random);
    this.loader.load(state.loader);
    const moments = [...tensors].map(([name, tensor]) => [name, toFloat32("optimizer state", name, tensor)] as const);
    this.optimizer.load(new Map<string, number | Float32Array>([...moments, ...Object.entries(state.optimizerSteps)]));
  }

  /** Other settings would make a run that is neither the old one nor a new one. More or fewer epochs are the same run. */
  #expectSettings(state: TrainingState): void {
    const settings = (seed: number, { epochs: _, ...config }: TrainingConfig) => Object.entries({ seed, ...config });
    const before = new Map(settings(state.seed, state.config).map(([name, value]) => [name, JSON.stringify(value)]));
    const changed = settings(this.seed, this.config).filter(
      ([name, value]) => before.get(name) !== JSON.stringify(value),
    );
    if (changed.length === 0) return;
    fail("OPTION", {
      where: "training that continues",
      expected: "the settings it was begun with",
      got: `another ${changed.map(([name]) => name).join(", ")}`,
      hint: "Give the same config (epochs may differ), or begin anew without --resume.",
    });
  }

  dispose(): void {
    this.optimizer.dispose();
  }
}
