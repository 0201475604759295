/**
 * Bits of synaptic memory on a Loihi 1 core. Source: nengo-loihi `block.py`, SynapseConfig.bits_per_axon: the weights of an input axon
 * stand in blocks of up to 64, each with 4 bits of index and 6 bits of count, filled up to a whole number of 64-bit words.
 */

const WEIGHT_BITS = 8;
const BLOCK_WEIGHTS = 64;
const BLOCK_HEADER_BITS = 4 + 6;
const WORD_BITS = 64;
/** Bits that an index of a target may have. */
const INDEX_BITS: readonly number[] = [0, 6, 7, 8, 9, 10, 11, 12];

/** Bits of a weight that names its target among `targets` neurons. */
export function indexBits(targets: number): number {
  const least = Math.ceil(Math.log2(Math.max(targets, 1)));
  return INDEX_BITS.find((bits) => bits >= least) ?? INDEX_BITS.at(-1)!;
}

/** Bits that hold delays up to `longest` steps. */
export const delayBits = (longest: number): number => Math.ceil(Math.log2(longest + 1));

/** Bits of the weights of one input axon, where each has `extraBits` for index and delay besides its weight. */
export function axonBits(weights: number, extraBits: number): number {
  const each = WEIGHT_BITS + extraBits;
  const block = (count: number) => Math.ceil((count * each + BLOCK_HEADER_BITS) / WORD_BITS) * WORD_BITS;
  const full = Math.floor(weights / BLOCK_WEIGHTS);
  const rest = weights % BLOCK_WEIGHTS;
  return full * block(BLOCK_WEIGHTS) + (rest > 0 ? block(rest) : 0);
}
