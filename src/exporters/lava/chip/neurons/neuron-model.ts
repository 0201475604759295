/** What Lava's fixed-point neuron models share: the size of their registers, what they take and give, and the values that they can show. */

/** Registers of current and voltage have 24 bits. */
export const REGISTER = 2 ** 23;
/** Activation, threshold and bias enter the registers shifted by this; a sigma-delta neuron drops as many from what it sends. */
export const STATE_BITS = 6;
export const STATE_STEPS = 2 ** STATE_BITS;
export const DECAY_ONE = 4096;

/** How often a register, or the float32 in which Lava sums convolutions, could not hold a value. */
export interface RegisterEvents {
  wrapped: number;
  saturated: number;
  inexact: number;
}
export const noEvents = (): RegisterEvents => ({ wrapped: 0, saturated: 0, inexact: 0 });

export interface ChipNeurons {
  /** Overflows are counted while this is true, as it is at first. */
  counting: boolean;
  /**
   * One step: activation of every neuron in, spikes (or payloads) out; both hold `samples * features` numbers. Resonators take twice as
   * many activations: those of the real parts, then those of the imaginary ones.
   */
  step(activation: ArrayLike<number>, spikes: Int32Array | Float32Array): void;
  /** The chip's periodic reset. */
  reset(): void;
  /** The registers after the last step, by name, in state units; voltages as they were compared with the threshold, before a reset. */
  states(): Record<string, ArrayLike<number>>;
}

/** The value of each neuron from one number for all or one for each. */
export const spread = (numbers: Int32Array, features: number): Int32Array =>
  numbers.length === features ? numbers : new Int32Array(features).fill(numbers[0]!);
