/**
 * Runs the steps of a training: each operation by itself, or on a device all of them recorded once and replayed. Gradients that a
 * body leaves are added to those of the leaves. What cannot be recorded (random numbers, numbers that the host asks for) runs operation by operation, and the reason is told.
 */
import { SpikeshipError } from "../../core/index.ts";
import { core, lacksDeviceMemory } from "../../kernels/index.ts";
import { keep, Tensor, zeroGrad } from "../../tensor/index.ts";
import { RecordedStep, type StepBody, type StepInputs, type StepResult } from "./recorded-step.ts";

/** "auto": record where it is possible. true: refuse to train otherwise. */
export type GraphMode = "auto" | boolean;

export interface StepperOptions {
  graph: GraphMode;
  /** Told once why steps are not recorded. */
  onNotice?: ((line: string) => void) | undefined;
  /** Called after a recording that failed, to put back what the body remembers. */
  restore: () => void;
  /** Buffers that a body reads or changes besides its inputs. Steps are recorded again when one of them is another. */
  memory: () => readonly number[];
}

export class Stepper {
  #recorded: RecordedStep | null = null;
  /** A plain step went before: libraries have chosen how to compute these sizes, which they cannot while they are recorded. */
  #warm = false;
  #refused = false;

  constructor(
    readonly leaves: readonly Tensor[],
    readonly options: StepperOptions,
  ) {}

  /**
   * Runs the step of a batch. `usual`: the batch has the size of most, the one that is recorded. `alone`: nothing of other batches is in the
   * gradients of the leaves. The result is the caller's to read before the next call, inside the same `scope`.
   */
  run(inputs: StepInputs, body: StepBody, { usual, alone }: { usual: boolean; alone: boolean }): StepResult {
    const recorded = usual ? this.#recordedFor(inputs, body) : null;
    if (!recorded) return alone ? this.withRoom(() => body(inputs)) : body(inputs);
    const result = recorded.replay(inputs);
    for (const [leaf, gradient] of recorded.gradients) deliver(leaf, gradient);
    return result;
  }

  /**
   * Runs work beside the steps. Where the device has no memory left for it, the recorded step is given up, whose memory nobody else may use,
   * and the work begins again. Gradients are forgotten then.
   */
  withRoom<R>(work: () => R): R {
    try {
      return work();
    } catch (error) {
      if (!this.#recorded || this.options.graph === true || !lacksDeviceMemory(error)) throw error;
      this.dispose();
      zeroGrad(this.leaves);
      this.#refuse(error as SpikeshipError);
      return work();
    }
  }

  /** Steps are not recorded from now on. */
  #refuse({ facts }: SpikeshipError): void {
    this.options.restore();
    this.#refused = true;
    this.options.onNotice?.(`steps are not recorded: ${facts.where} (${facts.got})`);
  }

  #recordedFor(inputs: StepInputs, body: StepBody): RecordedStep | null {
    const memory = this.options.memory();
    if (this.#recorded && !this.#recorded.holds(memory)) this.dispose();
    if (this.#recorded) return this.#recorded.fits(inputs) ? this.#recorded : null;
    const { graph } = this.options;
    if (graph === false || this.#refused || inputs.sequence.device === "cpu") return null;
    if (this.leaves.some((leaf) => leaf.grad)) return null;
    if (!this.#warm) {
      this.#warm = true;
      return null;
    }
    try {
      this.#recorded = RecordedStep.record(inputs, this.leaves, memory, body);
    } catch (error) {
      if (graph === true || !(error instanceof SpikeshipError)) throw error;
      this.#refuse(error);
    }
    return this.#recorded;
  }

  dispose(): void {
    this.#recorded?.dispose();
    this.#recorded = null;
  }
}

function deliver(leaf: Tensor, gradient: Tensor): void {
  const { grad } = leaf;
  if (grad) core().axpy(1, gradient.buffer, grad.buffer, grad.size);
  else leaf.variable!.grad = copyOf(gradient);
}

function copyOf(x: Tensor): Tensor {
  const copy = keep(Tensor.empty(x.shape, x.dtype, x.spatial, x.device));
  core().copy(x.buffer, 0, copy.buffer, 0, x.storage.bytes);
  return copy;
}
