/**
 * A training step that a device recorded once and replays: forward, loss, backward and the optimizer's step as one launch instead of
 * hundreds. What a replay reads lies in memory that stays (inputs are copied into it), and so do its results. Nothing of it is known outside
 * this folder.
 */
import { core, devices } from "../../kernels/index.ts";
import { keep, repeatLeading, scope, Tensor } from "../../tensor/index.ts";

/** What a step computes with: an encoded sequence `[T, N, ...]`, the loss's target, and the weight of the batch (one number). */
export interface StepInputs {
  sequence: Tensor;
  target: Tensor;
  weight: Tensor;
}

/** The loss (one number), and rates `[N, F]`. */
export interface StepResult {
  loss: Tensor;
  rates: Tensor;
}

/** Computes a result. Gradients that it leaves to the leaves are results, too. */
export type StepBody = (inputs: StepInputs) => StepResult;

export class RecordedStep {
  readonly #graph: number;
  /** What the memory for the weight holds: the same tensor from step to step, mostly. */
  #weight: Tensor | null = null;

  private constructor(
    readonly inputs: StepInputs,
    readonly result: StepResult,
    readonly gradients: ReadonlyMap<Tensor, Tensor>,
    readonly memory: readonly number[],
    graph: number,
  ) {
    this.#graph = graph;
  }

  /**
   * Records `body`, which does not run yet: `leaves` have no gradient before and after. `memory`: buffers that it reads or changes besides its
   * inputs. @throws what the device refused, after which everything is as it was before, except for what `body` itself remembers
   */
  static record(given: StepInputs, leaves: readonly Tensor[], memory: readonly number[], body: StepBody): RecordedStep {
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
      return new RecordedStep(inputs, result, gradients, memory, graph);
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

  /** True when what it reads and changes besides its inputs lies where it lay. */
  holds(memory: readonly number[]): boolean {
    return memory.length === this.memory.length && memory.every((buffer, i) => buffer === this.memory[i]);
  }

  /** Runs the step on other numbers. Result and gradients hold until the next call. */
  replay(given: StepInputs): StepResult {
    copy(memoryOf(given.sequence), this.inputs.sequence);
    copy(given.target, this.inputs.target);
    if (given.weight !== this.#weight) copy(given.weight, this.inputs.weight);
    this.#weight = given.weight;
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

function roomFor({ sequence, target, weight }: StepInputs): StepInputs {
  const roomOf = (x: Tensor) => keep(Tensor.empty(x.shape, x.dtype, x.spatial, x.device));
  return { sequence: roomOf(memoryOf(sequence)), target: roomOf(target), weight: roomOf(weight) };
}

function copy(from: Tensor, to: Tensor): void {
  core().copy(from.buffer, 0, to.buffer, 0, to.storage.bytes);
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
