/** The machine's own limits, measured through the same native core as everything else: matrix products and copies. */
import { core } from "../src/kernels/index.ts";
import type { Machine } from "./result.ts";
import type { Sizes } from "./sizes.ts";

/** Best of several tries, in seconds: other programs can only make a try slower. */
function bestSeconds(tries: number, body: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < tries; i++) {
    const start = performance.now();
    body();
    best = Math.min(best, (performance.now() - start) / 1000);
  }
  return best;
}

/** 10^9 floating-point operations a second of c = a b with square matrices. */
function matmulGflops(size: number, tries: number): number {
  const native = core();
  const [a, b, c] = [0, 1, 2].map(() => native.alloc(4 * size * size)) as [number, number, number];
  native.fill(a, size * size, 0.5);
  native.fill(b, size * size, 0.25);
  const seconds = bestSeconds(tries, () => native.matmul(false, false, size, size, size, a, b, c, false));
  for (const buffer of [a, b, c]) native.release(buffer);
  return (2 * size ** 3) / seconds / 1e9;
}

/** 10^9 bytes a second, read and written, of copying a buffer much larger than the caches with all threads. */
function copyGBs(bytes: number, threads: number, tries: number): number {
  const native = core();
  const [source, target] = [0, 1].map(() => native.alloc(bytes)) as [number, number];
  native.fill(source, bytes / 4, 1);
  native.fill(target, bytes / 4, 0);
  // One piece for each thread lets the system's copy stream past the caches; small pieces suit other systems.
  const pieces = [threads, Math.max(threads, Math.floor(bytes / 65536))];
  const seconds = pieces.map((count) => {
    const piece = Math.floor(bytes / count);
    return (
      bestSeconds(tries, () => native.copyStrided(count, piece, source, 0, piece, target, 0, piece)) / (count * piece)
    );
  });
  for (const buffer of [source, target]) native.release(buffer);
  return 2 / Math.min(...seconds) / 1e9;
}

export function measureMachine(sizes: Sizes, tries: number): Machine {
  const { cpu, threads, isa } = core().info();
  return {
    matmulGflops: matmulGflops(sizes.matrix, tries),
    copyGBs: copyGBs(sizes.copyBytes, threads, tries),
    cpu,
    threads,
    isa,
  };
}
