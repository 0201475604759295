/**
 * What becomes of a resonator's decays between the file and the neuron: Lava's loader turns them into a period and a decay in floating
 * point, and the process turns those back and cuts the fraction off, so that a whole number comes back as itself or one nearer to zero,
 * as the last bit of a sine decides. That bit differs between machines: NumPy uses the C library's functions, which round correctly (here:
 * 4 of 3,000 random pairs differ), but its own vector ones on processors with AVX-512 (1,304 of 3,000 differ; NumPy 1.24).
 * Sources: lava-dl `slayer/neuron/rf.py` (neuron_params), lava `proc/rf/process.py`.
 */
import { angleOf, cosine, sine } from "./correct-rounding.ts";

const DECAY_ONE = 4096;

export interface ResonatorDecays {
  sine: number;
  cosine: number;
}

/** The decays that the process computes with. The operations stand in the order of the sources, since every rounding counts. */
export function loadedDecays(file: ResonatorDecays): ResonatorDecays {
  const [sinDecay, cosDecay] = [file.sine / DECAY_ONE, file.cosine / DECAY_ONE];
  const decay = 1 - Math.sqrt(sinDecay * sinDecay + cosDecay * cosDecay);
  const frequency = angleOf(sinDecay, cosDecay) / 2 / Math.PI;
  const turn = (Math.PI * 2) / (1 / frequency);
  return {
    sine: Math.trunc((1 - decay) * sine(turn) * DECAY_ONE) + 0,
    cosine: Math.trunc((1 - decay) * cosine(turn) * DECAY_ONE) + 0,
  };
}

/** A number to be written to the file so that every machine loads `decay`: half a step further out, where no last bit can reach. */
export function sturdyDecay(decay: number): number {
  return decay + (decay < 0 ? -0.5 : 0.5);
}

/** Closeness to a whole number, in decay steps, within which the last bits of the round trip decide. They move a result by some 1e-12. */
const DECIDED_BY_ROUNDING = 1e-6;

/** True when the machine that loads the file decides what its decays become. */
export function dependsOnMachine({ sine, cosine }: ResonatorDecays): boolean {
  const close = (decay: number) => Math.abs(decay - Math.round(decay)) < DECIDED_BY_ROUNDING;
  // on the axes sine and cosine are 0 or 1 for any last bit of the angle
  if (sine === 0 || cosine === 0) return false;
  return close(sine) || close(cosine);
}
