/**
 * Losses and rates of steps whose numbers nobody has asked for yet, in memory of the device: reading them waits for the device, so many steps
 * are read at once. On the CPU nothing waits, and each step is read by itself.
 */
import { core } from "../../kernels/index.ts";
import { keep, Tensor } from "../../tensor/index.ts";
import type { StepResult } from "./recorded-step.ts";

/** What the host knows of a step: its loss, rates `[N, F]`, and labels int32 `[N]`. */
export interface ReadResult {
  loss: number;
  rates: Float32Array;
  labels: Int32Array;
}

/** Steps that are read together at most, and floats of them. */
const MOST_STEPS = 64;
const MOST_FLOATS = 2 ** 20;

export class PendingResults {
  /** Floats of a step: its loss, then its rates. */
  #stride: number;
  #labels: Int32Array[] = [];
  #memory: Tensor | null = null;

  /** For batches of up to so many samples of so many classes. */
  constructor(
    batchSize: number,
    readonly classes: number,
  ) {
    this.#stride = 1 + batchSize * classes;
  }

  get #capacity(): number {
    return Math.min(MOST_STEPS, Math.max(1, Math.floor(MOST_FLOATS / this.#stride)));
  }

  /** Samples whose results were not taken yet. */
  get samples(): number {
    return this.#labels.reduce((sum, { length }) => sum + length, 0);
  }

  /** False when what is pending has to be taken before this is added. */
  takes({ loss: { device }, rates }: StepResult): boolean {
    const pending = this.#labels.length;
    if (pending === 0) return true;
    return pending < this.#capacity && device !== "cpu" && device === this.#memory!.device && rates.size < this.#stride;
  }

  /** Keeps the numbers of a step, which may be overwritten after. */
  add({ loss, rates }: StepResult, labels: Int32Array): void {
    const { device } = loss;
    if (this.#memory?.device !== device || rates.size >= this.#stride) {
      this.#stride = Math.max(this.#stride, 1 + rates.size);
      this.#memory?.dispose();
      this.#memory = keep(Tensor.empty([device === "cpu" ? 1 : this.#capacity, this.#stride], "float32", 0, device));
    }
    const start = 4 * this.#stride * this.#labels.length;
    core().copy(loss.buffer, 0, this.#memory.buffer, start, 4);
    core().copy(rates.buffer, 0, this.#memory.buffer, start + 4, 4 * rates.size);
    // a loader fills the same array again
    this.#labels.push(labels.slice());
  }

  /** Gives what is pending, in order. Waits for the device. */
  take(): ReadResult[] {
    const labels = this.#labels;
    this.#labels = [];
    if (labels.length === 0) return [];
    const numbers = new Float32Array(this.#stride * labels.length);
    core().read(this.#memory!.buffer, 0, numbers);
    return labels.map((own, i) => {
      const start = this.#stride * i;
      const rates = numbers.subarray(start + 1, start + 1 + own.length * this.classes);
      return { loss: numbers[start]!, rates, labels: own };
    });
  }

  dispose(): void {
    this.#labels = [];
    this.#memory?.dispose();
    this.#memory = null;
  }
}
