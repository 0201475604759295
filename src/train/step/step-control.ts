/**
 * What an optimizer's steps on a device leave for the next one, in memory of that device: learning rate, scale of the loss, steps of each
 * parameter, and why it stopped. Writing does not wait for the device, reading does. The layout is that of `OptimizerStep` in the core.
 */
import { core } from "../../kernels/index.ts";
import { keep, Tensor } from "../../tensor/index.ts";

export interface StepHead {
  /** What the loss is multiplied by; 1 without scaling. */
  scale: number;
  /** Steps since the scale was changed. */
  goodSteps: number;
  halted: Halt;
  /** Norm of all gradients at the last step that was clipped by it, before. */
  norm: number;
}

/** Why no step is taken any more. */
export type Halt = "running" | "loss" | "norm" | "scale";
const HALTS: readonly Halt[] = ["running", "loss", "norm", "scale"];

/** Numbers of 8 bytes before those of the parameters: scale and halt, good steps, learning rate, norm. */
const HEAD = 4;
const RATE = 2;

export class StepControl {
  readonly #memory: Tensor;
  readonly #numbers: Float64Array;
  readonly #words: Uint32Array;
  readonly #scale: Float32Array;

  constructor(parameters: number, device: string) {
    this.#numbers = new Float64Array(HEAD + parameters);
    this.#words = new Uint32Array(this.#numbers.buffer);
    this.#scale = new Float32Array(this.#numbers.buffer);
    this.#scale[0] = 1;
    this.#memory = keep(Tensor.from(this.#scale, [this.#scale.length], { device }));
  }

  /** The memory; its first number is the scale. */
  get buffer(): number {
    return this.#memory.buffer;
  }

  /** The rate that was written last. */
  get learningRate(): number {
    return this.#numbers[RATE]!;
  }

  set learningRate(rate: number) {
    if (rate === this.#numbers[RATE]) return;
    this.#numbers[RATE] = rate;
    core().write(this.buffer, RATE * 8, this.#numbers.subarray(RATE, RATE + 1));
  }

  /** Moves to where the parameters are. */
  relocate(device: string): void {
    this.#memory.relocate(device);
  }

  /** Waits for the steps that were begun. */
  head(): StepHead {
    core().read(this.buffer, 0, this.#scale.subarray(0, 2 * HEAD));
    const [, goodSteps, , norm] = this.#numbers;
    return { scale: this.#scale[0]!, halted: HALTS[this.#words[1]!]!, goodSteps: goodSteps!, norm: norm! };
  }

  /** How many steps each parameter has taken. Waits for those that were begun. */
  steps(): number[] {
    core().read(this.buffer, 0, this.#scale);
    return [...this.#numbers.subarray(HEAD)];
  }

  /** Changes what is given; steps are taken again. Waits for those that were begun. */
  write({ scale, goodSteps, steps }: { scale?: number; goodSteps?: number; steps?: readonly number[] }): void {
    core().read(this.buffer, 0, this.#scale);
    if (scale !== undefined) this.#scale[0] = scale;
    if (goodSteps !== undefined) this.#numbers[1] = goodSteps;
    if (steps) this.#numbers.set(steps, HEAD);
    this.#words[1] = 0;
    core().write(this.buffer, 0, this.#scale);
  }

  dispose(): void {
    this.#memory.dispose();
  }
}
