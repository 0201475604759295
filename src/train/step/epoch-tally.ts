/** The sums of an epoch: of what was read from the device, and of what is read when somebody asks. */
import { fail } from "../../core/index.ts";
import { countCorrect } from "../losses.ts";
import type { EpochSums } from "../state.ts";
import { PendingResults, type ReadResult } from "./pending-results.ts";
import type { StepResult } from "./recorded-step.ts";

const NOTHING: EpochSums = { loss: 0, correct: 0, samples: 0 };

export class EpochTally {
  #sums: EpochSums = { ...NOTHING };
  readonly #pending: PendingResults;

  /** For batches of up to so many samples of so many classes. */
  constructor(
    batchSize: number,
    readonly classes: number,
  ) {
    this.#pending = new PendingResults(batchSize, classes);
  }

  /** What was read. */
  get sums(): EpochSums {
    return this.#sums;
  }

  /** Samples, read or not. */
  get samples(): number {
    return this.#sums.samples + this.#pending.samples;
  }

  /** True when all was read. */
  get complete(): boolean {
    return this.#pending.samples === 0;
  }

  /** False when `settle` has to come before `add`. */
  takes(result: StepResult): boolean {
    return this.#pending.takes(result);
  }

  add(result: StepResult, labels: Int32Array): void {
    this.#pending.add(result, labels);
  }

  /** Reads what is pending, of the epoch of this index; that waits for the device. @throws VALUE for a loss that is not finite */
  settle(epoch: number): void {
    for (const result of this.#pending.take()) this.#count(result, epoch);
  }

  #count({ loss, rates, labels }: ReadResult, epoch: number): void {
    const sums = this.#sums;
    if (!Number.isFinite(loss)) {
      fail("VALUE", {
        where: `training, epoch ${epoch + 1}, sample ${sums.samples}`,
        expected: "a finite loss",
        got: `${loss}`,
        hint: "Lower the learning rate or set training.clipNorm.",
      });
    }
    sums.loss += loss * labels.length;
    sums.correct += countCorrect(rates, this.classes, labels);
    sums.samples += labels.length;
  }

  /** Begins anew, or with sums that were stored. Earlier sums stay as they are for those who have them. */
  begin(sums: EpochSums = NOTHING): void {
    this.#sums = { ...sums };
  }

  dispose(): void {
    this.#pending.dispose();
  }
}
