/**
 * One training: network, optimizer, schedule, loader and random numbers, stepped batch by batch. All that decides the next step is in
 * `save()`, so that a run that was stopped anywhere continues bit for bit as if it never had been.
 */
import { fail, type RandomState, RandomStream } from "../core/index.ts";
import { type Batch, type Dataset, Loader } from "../data/index.ts";
import { core } from "../kernels/index.ts";
import { type Network, resetNet, type StoredTensor, shuffleStream, toFloat32, trainingStream } from "../model/index.ts";
import { backwardFrom, keep, scope, Tensor, withDevice, withPrecision } from "../tensor/index.ts";
import type { TrainingConfig } from "./config.ts";
import { type Evaluation, evaluate } from "./evaluate.ts";
import { classesOf, expectFits } from "./fit.ts";
import { targetLosses } from "./losses.ts";
import { MarginLoss } from "./margin.ts";
import { Optimizer, type StepRules } from "./optimizers.ts";
import { learningRateAt } from "./schedules.ts";
import type { EpochSums, TrainingState } from "./state.ts";
import { type Accumulation, accumulationOf } from "./step/accumulation.ts";
import { EpochTally } from "./step/epoch-tally.ts";
import { FIRST_LOSS_SCALE } from "./step/loss-scale.ts";
import type { StepBody } from "./step/recorded-step.ts";
import { Stepper } from "./step/stepper.ts";

export class TrainingRun {
  epoch = 0;
  readonly optimizer: Optimizer;
  readonly loader: Loader;
  #random: RandomStream;
  /** Where the random numbers stood before the layers drew any. */
  #beforeBody: RandomState;
  #withinStep = false;
  readonly #classes: number;
  readonly #stepper: Stepper;
  readonly #rules: StepRules;
  readonly #tally: EpochTally;
  /** Of a step of several batches. */
  #losses: Tensor | null = null;
  /** The weight of the last batch, where the network lies. */
  #weight: { value: number; tensor: Tensor } | null = null;

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
    const { clipNorm, precision } = config;
    this.#rules = { scaled: precision === "float16", ...(clipNorm === undefined ? {} : { clip: { norm: clipNorm } }) };
    this.#tally = new EpochTally(config.batchSize, this.#classes);
    this.#stepper = new Stepper([...network.parameters().values()], {
      graph: config.graph,
      onNotice,
      restore: () => {
        this.#random = RandomStream.fromState(this.#beforeBody);
        resetNet(network);
      },
      memory: () => this.optimizer.memory,
    });
    this.optimizer = new Optimizer(config.optimizer, network.parameters());
    if (this.#rules.scaled) this.optimizer.lossScale = FIRST_LOSS_SCALE;
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

  /** Sums of the epoch so far. Waits for the steps that were begun. @throws VALUE as `step` */
  get sums(): EpochSums {
    this.#settle();
    return this.#tally.sums;
  }

  /** Gives the sums of this epoch so far when it is asked, which waits for a device. On the CPU they are those of now, not of then. */
  sumsWhenAsked(): () => EpochSums {
    const { sums: soFar, complete } = this.#tally;
    const sums = complete ? { ...soFar } : soFar;
    return () => {
      this.#settle();
      return sums;
    };
  }

  /** Samples of the epoch so far. */
  get samples(): number {
    return this.#tally.samples;
  }

  /**
   * Trains on one batch of the loader. A failure (no memory left) leaves nothing of the step behind. A device is not waited for: that its
   * numbers are not finite is told some steps later, or when somebody asks for `sums`; until then no step changes the parameters.
   * @throws VALUE when the loss, or the norm of the gradients that are clipped by it, is not finite
   */
  step(batch: Batch): void {
    const { weight, last } = this.#accumulation();
    try {
      const { precision, activations } = this.config;
      withPrecision(
        precision,
        () => withDevice(this.network.device, () => scope(() => this.#run(batch, weight, last))),
        { activations },
      );
      if (this.network.device === "cpu") this.#settle();
      this.#withinStep = !last;
    } catch (error) {
      this.#abandonStep();
      throw error;
    }
  }

  #abandonStep(): void {
    this.#withinStep = false;
    resetNet(this.network);
    this.optimizer.zeroGrad();
  }

  /** Where the loader's batch stands in its step of the optimizer. */
  #accumulation(): Accumulation {
    const { accumulate, batchSize } = this.config;
    if (accumulate === 1) return { weight: 1, last: true };
    return accumulationOf(this.loader.state.batch - 1, accumulate, batchSize, this.dataset.train.count);
  }

  /** Runs a batch, and where it is the last of its step, the optimizer. Its share of the epoch's sums is kept until somebody asks. */
  #run({ images, labels }: Batch, weight: number, last: boolean): void {
    const samples = Tensor.from(images, [labels.length, ...this.network.inputShape]);
    const inputs = {
      sequence: this.network.encode(samples, this.#random),
      target: targetLosses[this.config.loss].target(labels, this.#classes),
      weight: this.#weightOf(weight),
    };
    this.#beforeBody = this.#random.state;
    this.optimizer.learningRate = this.learningRate;
    this.optimizer.prepare();
    const { batchSize, accumulate } = this.config;
    const kind = { usual: labels.length === batchSize, alone: accumulate === 1 };
    const result = this.#stepper.run(inputs, kind.alone ? this.#wholeStep : this.#gradients, kind);
    if (!kind.alone) {
      const loss = this.#lossOfStep(result.loss);
      if (last) this.#update(loss);
    }
    if (!this.#tally.takes(result)) this.#settle();
    this.#tally.add(result, labels);
  }

  /** Sum of the losses of a step's batches so far: not finite where one of them is not. */
  #lossOfStep(loss: Tensor): Tensor {
    if (this.#losses && this.#withinStep) {
      core().axpy(1, loss.buffer, this.#losses.buffer, 1);
      return this.#losses;
    }
    this.#losses?.dispose();
    this.#losses = keep(Tensor.empty([], "float32", 0, loss.device));
    core().copy(loss.buffer, 0, this.#losses.buffer, 0, 4);
    return this.#losses;
  }

  /** The same tensor as long as the weight is the same: a replay need not copy it again. */
  #weightOf(value: number): Tensor {
    const { device } = this.network;
    if (this.#weight?.value === value && this.#weight.tensor.device === device) return this.#weight.tensor;
    this.#weight?.tensor.dispose();
    this.#weight = { value, tensor: keep(Tensor.full([], value, { device })) };
    return this.#weight.tensor;
  }

  /** Forward, loss and backward of a batch, from a network without state to one without state. */
  readonly #gradients: StepBody = ({ sequence, target, weight }) => {
    const margin = this.config.margin ? new MarginLoss(this.config.margin, this.network) : null;
    const rates = this.network.rates(sequence, {
      training: true,
      random: this.#random,
      ...(margin ? { charged: margin.charged } : {}),
    });
    const task = targetLosses[this.config.loss].loss(rates, target);
    const loss = margin ? margin.addedTo(task) : task;
    backwardFrom([[loss, this.#rules.scaled ? this.optimizer.scaledByLossScale(weight) : weight]]);
    resetNet(this.network);
    return { loss, rates };
  };

  /** A step by itself, the optimizer's included. */
  readonly #wholeStep: StepBody = (inputs) => {
    const result = this.#gradients(inputs);
    this.#update(result.loss);
    return result;
  };

  /** The optimizer's step. */
  #update(loss: Tensor): void {
    this.optimizer.queue(this.#rules, loss);
    this.optimizer.zeroGrad();
  }

  /** Waits for the steps that were begun, and adds their numbers to the sums. */
  #settle(): void {
    if (this.#tally.complete) return;
    try {
      this.#tally.settle(this.epoch);
      this.optimizer.settle();
    } catch (error) {
      this.optimizer.resume();
      this.#abandonStep();
      throw error;
    }
  }

  /** Evaluates between two epochs, giving up what a recorded step keeps where the device has not enough memory for both. */
  evaluate(): Evaluation {
    return this.#stepper.withRoom(() => evaluate(this.network, this.dataset.test, { seed: this.seed }));
  }

  /** Starts the next epoch; returns the sums of the one that ended. */
  endEpoch(): EpochSums {
    const ended = this.sums;
    this.#tally.begin();
    this.epoch++;
    return ended;
  }

  save(): { state: TrainingState; tensors: Map<string, Tensor> } {
    const { seed, config, epoch, sums } = this;
    const tensors = new Map<string, Tensor>();
    const optimizerSteps: Record<string, number> = {};
    for (const [name, value] of this.optimizer.state()) {
      if (value instanceof Tensor) tensors.set(name, value);
      else optimizerSteps[name] = value;
    }
    const [random, loader] = [this.#random.state, this.loader.state];
    const lossScale = this.#rules.scaled ? this.optimizer.lossScale : null;
    const state = { seed, config, epoch, sums: { ...sums }, random, loader, optimizerSteps };
    return { state: { ...state, ...(lossScale ? { lossScale } : {}) }, tensors };
  }

  /** Continues from a saved state; the network's own tensors are loaded by the caller. @throws OPTION when the settings differ */
  restore(state: TrainingState, tensors: ReadonlyMap<string, StoredTensor>): void {
    this.#expectSettings(state);
    this.epoch = state.epoch;
    this.#tally.begin(state.sums);
    this.#random = RandomStream.fromState(state.random);
    this.loader.load(state.loader);
    if (state.lossScale) this.optimizer.lossScale = state.lossScale;
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
    this.optimizer.zeroGrad();
    this.#stepper.dispose();
    this.#tally.dispose();
    this.#losses?.dispose();
    this.#weight?.tensor.dispose();
    this.optimizer.dispose();
  }
}
