/** Sums over spikes only: the numbers of the dense operation, whatever the window. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { core, devices } from "../../../src/kernels/index.ts";
import { conv2d, conv2dEvents, memoryStats, noGrad, scope, Tensor } from "../../../src/tensor/index.ts";

// A device leaves this operation to the dense one.
devices().current = "cpu";

const size = (from: number, to: number) => fc.integer({ min: from, max: to });

const windows = fc
  .record({
    batch: size(1, 3),
    inChannels: size(1, 40),
    outChannels: size(1, 150),
    kernel: fc.tuple(size(1, 4), size(1, 4)),
    stride: fc.tuple(size(1, 3), size(1, 3)),
    padding: fc.tuple(size(0, 3), size(0, 3)),
    dilation: fc.tuple(size(1, 2), size(1, 2)),
    extra: fc.tuple(size(0, 6), size(0, 6)),
    rate: fc.double({ min: 0, max: 1, noNaN: true }),
    largest: size(1, 3),
    withBias: fc.boolean(),
    seed: size(1, 1e6),
  })
  .map((shape) => {
    const { kernel, dilation, extra } = shape;
    const image = [0, 1].map((axis) => (kernel[axis]! - 1) * dilation[axis]! + 1 + extra[axis]!);
    return { ...shape, image };
  });

/** Whole numbers, so that every order of adding gives the same sum. */
function wholeNumbers(count: number, seed: number, draw: (uniform: number) => number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (state * 48271) % 2147483647;
    return draw(state / 2147483647);
  });
}

function messages(count: number, rate: number, largest: number, seed: number): Float32Array {
  return wholeNumbers(count, seed, (u) => (u < rate ? 1 + Math.floor((u / rate) * largest) : 0));
}

const even = (count: number, seed: number) => wholeNumbers(count, seed, (u) => 2 * Math.floor(u * 255) - 256);

describe("a convolution over events", () => {
  it("gives the sums of the dense convolution for any window, channels, rate and payload", () => {
    const check = (given: typeof windows extends fc.Arbitrary<infer W> ? W : never) => {
      const { batch, inChannels, outChannels, kernel, image, rate, largest, seed } = given;
      scope(() =>
        noGrad(() => {
          const shape = [batch, inChannels, ...image];
          const count = shape.reduce((a, b) => a * b);
          const x = Tensor.from(messages(count, rate, largest, seed), shape);
          const weights = [outChannels, inChannels, ...kernel];
          const weight = Tensor.from(
            even(
              weights.reduce((a, b) => a * b),
              seed + 1,
            ),
            weights,
          );
          const bias = given.withBias ? Tensor.from(even(outChannels, seed + 2), [outChannels]) : null;
          const options = { stride: given.stride, padding: given.padding, dilation: given.dilation };
          const dense = conv2d(x, weight, bias, options);
          const events = conv2dEvents(x, weight, bias, options, 1);
          expect(events?.shape).toEqual(dense.shape);
          expect(events?.toArray()).toEqual(dense.toArray());
        }),
      );
    };
    fc.assert(fc.property(windows, check), { numRuns: 150, seed: 20261121 });
  });

  it("gives the same bytes for 1 and 2 threads, also of sums that are rounded", () => {
    const threads = core().info().threads;
    const x = messages(4 * 20 * 12 * 12, 0.2, 1, 3);
    const weight = wholeNumbers(24 * 20 * 9, 5, (u) => u - 0.5);
    const run = (count: number) => {
      core().setThreads(count);
      return scope(() =>
        conv2dEvents(
          Tensor.from(x, [4, 20, 12, 12]),
          Tensor.from(weight, [24, 20, 3, 3]),
          null,
          { padding: 1 },
          1,
        )!.toArray(),
      );
    };
    const [one, two] = [run(1), run(2)];
    core().setThreads(threads);
    expect(two).toEqual(one);
  });

  it("leaves inputs with more events than asked for to the dense operation, and keeps no memory", () => {
    const before = memoryStats().liveBuffers;
    scope(() => {
      const x = Tensor.from(Float32Array.of(1, 0, 1, 0), [1, 1, 2, 2]);
      const weight = Tensor.full([3, 1, 1, 1], 2);
      expect(conv2dEvents(x, weight, null, { padding: 0 }, 0.49)).toBeNull();
      expect(conv2dEvents(x, weight, null, { padding: 0 }, 0.5)).not.toBeNull();
    });
    expect(memoryStats().liveBuffers).toBe(before);
  });

  it("names shapes that do not fit", () => {
    scope(() => {
      const x = Tensor.full([1, 2, 4, 4], 1);
      expect(() => conv2dEvents(x, Tensor.full([3, 1, 1, 1], 2), null, { padding: 0 }, 1)).toThrow(/conv2dEvents/);
    });
  });
});
