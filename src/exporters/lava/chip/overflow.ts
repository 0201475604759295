/** How far current and voltage of a CUBA neuron can go in the worst case over all spike inputs. Rounding toward zero only makes them smaller. */
import { DECAY_ONE, STATE_STEPS } from "./neurons/index.ts";

/** Largest sums of positive and of negative weights that reach one neuron of a layer in one step, as sizes. */
export interface Drive {
  positive: number;
  negative: number;
}

export interface LeakyNeuron {
  /** In 4096ths. */
  currentDecay: number;
  voltageDecay: number;
  /** Weight steps. */
  threshold: number;
}

/** The drive of a matrix `[rows, ...]`, one row per output. Every weight counts as if its input fired with size 1. */
export function driveOf(weights: ArrayLike<number>, rows: number): Drive {
  const perRow = weights.length / rows;
  const drive = { positive: 0, negative: 0 };
  for (let row = 0; row < rows; row++) {
    let positive = 0;
    let negative = 0;
    for (let i = row * perRow; i < (row + 1) * perRow; i++) {
      if (weights[i]! > 0) positive += weights[i]!;
      else negative -= weights[i]!;
    }
    drive.positive = Math.max(drive.positive, positive);
    drive.negative = Math.max(drive.negative, negative);
  }
  return drive;
}

/** Sum of a constant input under a leak in 4096ths, over `steps` steps when there is none. */
function accumulated(input: number, decay: number, steps: number): number {
  return decay > 0 ? (input * DECAY_ONE) / decay : input * steps;
}

/**
 * Bounds of |current| and |voltage| in state units (64 per weight step). `bias`: smallest and largest, weight steps. Upwards the voltage
 * ends at the threshold plus one step; downwards only the leak or the number of steps ends it.
 */
export function registerBounds(
  drive: Drive,
  { currentDecay, voltageDecay, threshold }: LeakyNeuron,
  bias: { min: number; max: number },
  steps: number,
): { current: number; voltage: number } {
  const up = accumulated(drive.positive, currentDecay, steps);
  const down = accumulated(drive.negative, currentDecay, steps);
  const rise = up + Math.max(bias.max, 0);
  const fall = down + Math.max(-bias.min, 0);
  const highest = Math.min(accumulated(rise, voltageDecay, steps), Math.max(threshold, 0) + rise);
  const lowest = accumulated(fall, voltageDecay, steps);
  return { current: STATE_STEPS * Math.max(up, down), voltage: STATE_STEPS * Math.max(highest, lowest) };
}
