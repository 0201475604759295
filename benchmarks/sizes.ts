/** How large the benchmarked work is. The case names stand for the default sizes. */

export interface Sizes {
  batch: number;
  /** Side of the square images, a multiple of 4. */
  image: number;
  /** Channels of the large and the small convolutional network. */
  csnnChannels: [large: number, small: number];
  csnnSteps: number;
  lavaChannels: number;
  lavaSteps: number;
  /** Neurons of the neuron cases: rows times columns. */
  neurons: [rows: number, columns: number];
  /** Images that the chip's simulator runs. */
  simulatedImages: number;
  /** Side of the square matrices whose product is the machine's peak. */
  matrix: number;
  /** Bytes of the buffers that are copied for the machine's peak. */
  copyBytes: number;
}

export const DEFAULT_SIZES: Sizes = {
  batch: 16,
  image: 28,
  csnnChannels: [128, 32],
  csnnSteps: 4,
  lavaChannels: 16,
  lavaSteps: 32,
  neurons: [64, 8192],
  simulatedImages: 64,
  matrix: 2048,
  copyBytes: 256 * 2 ** 20,
};

/** For a test that the benchmark works. Its figures say nothing about speed. */
export const TINY_SIZES: Sizes = {
  batch: 2,
  image: 8,
  csnnChannels: [3, 2],
  csnnSteps: 2,
  lavaChannels: 2,
  lavaSteps: 3,
  neurons: [4, 32],
  simulatedImages: 2,
  matrix: 16,
  copyBytes: 4096,
};
