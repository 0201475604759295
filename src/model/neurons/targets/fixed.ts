/** The chip's meaning of the grid words: 24-bit registers. Everything else about a chip is in its exporter. */
import type { Words } from "../vocabulary.ts";

/** Half the range of a 24-bit register. */
export const REGISTER_LIMIT = 2 ** 23;

/** Beyond the upper end the register goes on from the lower end; at most once, as Lava's fixed-point model does. */
export function wrap24(value: number): number {
  const lowered = value > REGISTER_LIMIT ? value - 2 * REGISTER_LIMIT : value;
  return lowered <= -REGISTER_LIMIT ? lowered + 2 * REGISTER_LIMIT : lowered;
}

export function saturate24(value: number): number {
  return Math.min(Math.max(value, 1 - REGISTER_LIMIT), REGISTER_LIMIT - 1);
}

/** The words in which a chip differs from training. */
export const chipWords: Pick<Words<number>, "bound" | "throughReal"> = {
  bound: (i, how) => (how === "wrap" ? wrap24(i) : saturate24(i)),
  throughReal: (i) => i,
};
