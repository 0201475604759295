/**
 * A training step that a device recorded once and replays: forward, loss and backward as one launch instead of hundreds. What a replay
 * reads lies in memory that stays (inputs are copied into it), and so do its results. Nothing of it is known outside this folder.
 */
import { core, devices } from "../../kernels/index.ts";
import { keep, repeatLeading, scope, Tensor } from "../../tensor/index.ts";

/** What a step computes with: an encoded sequence `[T, N, ...]`, the loss's target, and the gradient of the loss (one number). */
export interface StepInputs {
  sequence: Tensor;
  target: Tensor;
  seed: Tensor;
}

/** The loss (one number), and rates `[N, F]`. */
export interface StepResult {
  loss: Tensor;
  rates: Tensor;
}

/** Computes a result and adds the gradients to the leaves. */
export type StepBody = (inputs: StepInputs) => StepResult;

export class RecordedStep {
  readonly #graph: number;

  private constructor(
    readonly inputs: StepInputs,
    readonly result: StepResult,
    readonly gradients: ReadonlyMap<Tensor, Tensor>,
    graph: number,
  ) {
    this.#graph = graph;
  }

  /**
   * Records `body`, which does not run yet: `leaves` have no gradient before and after. @throws what the device refused, after which
   * everything is as it was before, except for what `body` itself remembers
   */
  static record(given: StepInputs, leaves: readonly Tensor[], body: StepBody): RecordedStep {
    const inputs = roomFor(given);
    let graph: number | null = null;
    core().beginCapture(devices().number(given.sequence.device));
    try {
      const result = scope(() => {
        const { loss, rates } = body({ ...inputs, sequence: asGiven(inputs.sequence, given.sequence) });
        return { loss: keep(loss.detach()), rates: keep(rates.detach()) };
      });
      const gradients = takeGradients(leaves);
      graph = core().endCapture();
      return new RecordedStep(inputs, result, gradients, graph);
    } finally {
      if (graph === null) {
        core().abortCapture();
        for (const gradient of takeGradients(leaves).values()) gradient.dispose();
        disposeAll(inputs);
      }
    }
  }

  /** True when it can run on these inputs. */
  fits({ sequence, target }: StepInputs): boolean {
    const { inputs } = this;
    return sameSize(inputs.sequence, memoryOf(sequence)) && sameSize(inputs.target, target);
  }

  /** Runs the step on other numbers. Result and gradients hold until the next call. */
  replay(given: StepInputs): StepResult {
    copyInto(this.inputs, given);
    core().replay(this.#graph);
    return this.result;
  }

  dispose(): void {
    core().forget(this.#graph);
    disposeAll(this.inputs);
    disposeAll(this.result);
    for (const gradient of this.gradients.values()) gradient.dispose();
  }
}

/** A constant input is one step long in memory. */
const memoryOf = (sequence: Tensor): Tensor => sequence.once ?? sequence;

/** The kept memory of a sequence as an operation would be given it. */
function asGiven(kept: Tensor, given: Tensor): Tensor {
  return given.once ? repeatLeading(kept, given.shape[0]!) : kept;
}

function roomFor({ sequence, target, seed }: StepInputs): StepInputs {
  const roomOf = (x: Tensor) => keep(Tensor.empty(x.shape, x.dtype, x.spatial, x.device));
  const inputs = { sequence: roomOf(memoryOf(sequence)), target: roomOf(target), seed: roomOf(seed) };
  return inputs;
}

function copyInto(inputs: StepInputs, given: StepInputs): void {
  const copy = (to: Tensor, from: Tensor) => core().copy(from.buffer, 0, to.buffer, 0, to.storage.bytes);
  copy(inputs.sequence, memoryOf(given.sequence));
  copy(inputs.target, given.target);
  copy(inputs.seed, given.seed);
}

function sameSize(a: Tensor, b: Tensor): boolean {
  return a.device === b.device && a.spatial === b.spatial && a.storage.bytes === b.storage.bytes;
}

/** Takes the gradients away from their leaves. */
function takeGradients(leaves: readonly Tensor[]): Map<Tensor, Tensor> {
  const taken = new Map<Tensor, Tensor>();
  for (const leaf of leaves) {
    if (!leaf.grad) continue;
    taken.set(leaf, leaf.grad);
    leaf.variable!.grad = null;
  }
  return taken;
}

function disposeAll(tensors: StepInputs | StepResult): void {
  for (const tensor of Object.values(tensors) as Tensor[]) tensor.dispose();
}
