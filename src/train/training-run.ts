/**
 * One training: network, optimizer, schedule, loader and random numbers, stepped batch by batch. All that decides the next step is in
 * `save()`, so that a run that was stopped anywhere continues bit for bit as if it never had been.
 */
import { fail, type RandomState, RandomStream } from "../core/index.ts";
import { type Batch, type Dataset, Loader } from "../data/index.ts";
import { type Network, resetNet, type StoredTensor, shuffleStream, toFloat32, trainingStream } from "../model/index.ts";
import { backwardFrom, scope, Tensor, withDevice, withPrecision } from "../tensor/index.ts";
import { clipGradNorm } from "./clip.ts";
import type { TrainingConfig } from "./config.ts";
import { type Evaluation, evaluate } from "./evaluate.ts";
import { classesOf, expectFits } from "./fit.ts";
import { countCorrect, targetLosses } from "./losses.ts";
import { MarginLoss } from "./margin.ts";
import { Optimizer } from "./optimizers.ts";
import { learningRateAt } from "./schedules.ts";
import type { EpochSums, TrainingState } from "./state.ts";
import { type Accumulation, accumulationOf } from "./step/accumulation.ts";
import { LossScale } from "./step/loss-scale.ts";
import type { StepBody } from "./step/recorded-step.ts";
import { Stepper } from "./step/stepper.ts";

export class TrainingRun {
  epoch = 0;
  sums: EpochSums = { loss: 0, correct: 0, samples: 0 };
  readonly optimizer: Optimizer;
  readonly loader: Loader;
  #random: RandomStream;
  /** Where the random numbers stood before the layers drew any. */
  #beforeBody: RandomState;
  #withinStep = false;
  readonly #classes: number;
  readonly #stepper: Stepper;
  readonly #lossScale: LossScale | null;

  /** The network is trained where it lies. */
  constructor(
    readonly network: Network,
    readonly dataset: Dataset,
    readonly config: TrainingConfig,
    readonly seed: number,
    onNotice?: (line: string) => void,
  ) {
    expectFits(network, dataset);
    this.#classes = classesOf(network);
    this.#random = trainingStream(seed);
    this.#beforeBody = this.#random.state;
    this.#lossScale = config.precision === "float16" ? new LossScale() : null;
    this.#stepper = new Stepper([...network.parameters().values()], {
      graph: config.graph,
      onNotice,
      restore: () => {
        this.#random = RandomStream.fromState(this.#beforeBody);
        resetNet(network);
      },
    });
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

  /** True while gradients of a step that is not complete are kept: nothing can be saved then. */
  get withinStep(): boolean {
    return this.#withinStep;
  }

  /** Trains on one batch of the loader. A failure (no memory left) leaves nothing of the step behind. */
  step(batch: Batch): void {
    const { weight, last } = this.#accumulation();
    try {
      const { precision, activations } = this.config;
      withPrecision(
        precision,
        () => withDevice(this.network.device, () => scope(() => this.#addGradients(batch, weight))),
        { activations },
      );
      if (last) this.#update();
      this.#withinStep = !last;
    } catch (error) {
      this.#withinStep = false;
      resetNet(this.network);
      this.#forgetGradients();
      throw error;
    }
  }

  /** Where the loader's batch stands in its step of the optimizer. */
  #accumulation(): Accumulation {
    const { accumulate, batchSize } = this.config;
    if (accumulate === 1) return { weight: 1, last: true };
    return accumulationOf(this.loader.state.batch - 1, accumulate, batchSize, this.dataset.train.count);
  }

  /** Adds the gradients of a batch, times its weight and the loss's scale, and its share of the epoch's sums. */
  #addGradients({ images, labels }: Batch, weight: number): void {
    const samples = Tensor.from(images, [labels.length, ...this.network.inputShape]);
    const inputs = {
      sequence: this.network.encode(samples, this.#random),
      target: targetLosses[this.config.loss].target(labels, this.#classes),
      seed: Tensor.full([], weight * (this.#lossScale?.scale ?? 1)),
    };
    this.#beforeBody = this.#random.state;
    const { batchSize, accumulate } = this.config;
    const kind = { usual: labels.length === batchSize, alone: accumulate === 1 };
    const { loss, rates } = this.#stepper.run(inputs, this.#body, kind);
    this.#count(loss.item(), rates, labels);
  }

  /** Forward, loss and backward of a batch, from a network without state to one without state. */
  readonly #body: StepBody = ({ sequence, target, seed }) => {
    const margin = this.config.margin ? new MarginLoss(this.config.margin, this.network) : null;
    const rates = this.network.rates(sequence, {
      training: true,
      random: this.#random,
      ...(margin ? { charged: margin.charged } : {}),
    });
    const task = targetLosses[this.config.loss].loss(rates, target);
    const loss = margin ? margin.addedTo(task) : task;
    backwardFrom([[loss, seed]]);
    resetNet(this.network);
    return { loss, rates };
  };

  #count(value: number, rates: Tensor, labels: Int32Array): void {
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
  }

  /** The optimizer's step; left out when a scaled gradient overflowed. */
  #update(): void {
    const { clipNorm } = this.config;
    const { leaves } = this.#stepper;
    if (this.#lossScale?.unscale(leaves) ?? true) {
      if (clipNorm !== undefined) clipGradNorm(leaves, clipNorm);
      this.optimizer.learningRate = this.learningRate;
      this.optimizer.step();
    }
    this.#forgetGradients();
  }

  #forgetGradients(): void {
    this.#stepper.takeBack();
    this.optimizer.zeroGrad();
  }

  /** Evaluates between two epochs, giving up what a recorded step keeps where the device has not enough memory for both. */
  evaluate(): Evaluation {
    return this.#stepper.withRoom(() => evaluate(this.network, this.dataset.test, { seed: this.seed }));
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
    const lossScale = this.#lossScale?.state;
    const state = { seed, config, epoch, sums: { ...sums }, random, loader, optimizerSteps };
    return { state: { ...state, ...(lossScale ? { lossScale } : {}) }, tensors };
  }

  /** Continues from a saved state; the network's own tensors are loaded by the caller. @throws OPTION when the settings differ */
  restore(state: TrainingState, tensors: ReadonlyMap<string, StoredTensor>): void {
    this.#expectSettings(state);
    this.epoch = state.epoch;
    this.sums = { ...state.sums };
    this.#random = RandomStream.fromState(state.random);
    this.loader.load(state.loader);
    if (state.lossScale) this.#lossScale?.load(state.lossScale);
    const moments = [...tensors].map(([name, tensor]) => [name, toFloat32("optimizer state", name, tensor)] as const);
    this.optimizer.load(new Map<string, number | Float32Array>([...moments, ...Object.entries(state.optimizerSteps)]));
  }

  /**
   * Other settings would make a run that is neither the old one nor a new one. More or fewer epochs are the same run; so is one that goes on
   * elsewhere, though its sums may be rounded otherwise there.
   */
  #expectSettings(state: TrainingState): void {
    const settings = (seed: number, { epochs: _, device: __, graph: ___, ...config }: TrainingConfig) =>
      Object.entries({ seed, ...config });
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
    this.#forgetGradients();
    this.#stepper.dispose();
    this.optimizer.dispose();
  }
}
