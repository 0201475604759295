/** Buffers: accounting to the byte, and errors instead of crashes. */
import { afterEach, describe, expect, it } from "vitest";
import { core } from "../../src/kernels/index.ts";
import { errorOf } from "../error-of.ts";
import { bytes, floats, from, read } from "./buffers.ts";

describe("memory accounting", () => {
  afterEach(() => core().trimCache());

  it("counts live buffers and bytes exactly, whatever the allocator rounds up to", () => {
    const before = core().memoryStats();
    const sizes = [0, 1, 63, 64, 65, 1000, 4097, 3_000_001];
    const buffers = sizes.map((size) => core().alloc(size));
    const total = sizes.reduce((sum, size) => sum + size, 0);
    expect(core().memoryStats()).toMatchObject({
      liveBuffers: before.liveBuffers + sizes.length,
      liveBytes: before.liveBytes + total,
    });
    expect(buffers.map((buffer) => core().byteLength(buffer))).toEqual(sizes);
    for (const buffer of buffers) core().release(buffer);
    expect(core().memoryStats()).toMatchObject({ liveBuffers: before.liveBuffers, liveBytes: before.liveBytes });
  });

  it("keeps the peak until it is reset", () => {
    core().resetPeak();
    const base = core().memoryStats().liveBytes;
    core().release(core().alloc(5000));
    const small = bytes(100);
    expect(core().byteLength(small)).toBe(100);
    expect(core().memoryStats().peakBytes).toBe(base + 5000);
    core().resetPeak();
    expect(core().memoryStats().peakBytes).toBe(base + 100);
  });

  it("reuses released memory instead of asking the system again", () => {
    core().trimCache();
    core().release(core().alloc(10_000_000));
    const cached = core().memoryStats().cachedBytes;
    expect(cached).toBeGreaterThanOrEqual(10_000_000);
    const again = bytes(9_500_000);
    expect(core().memoryStats().cachedBytes).toBeLessThan(cached);
    expect(core().byteLength(again)).toBe(9_500_000);
  });

  it("holds a bounded cache when sizes keep changing", () => {
    core().trimCache();
    for (let size = 1_000_000; size < 40_000_000; size += 1_000_000) core().release(core().alloc(size));
    // The rule of allocator.cc: a quarter and 64 MiB above the largest use, which is one block of at most 1.25 * 39 MB.
    expect(core().memoryStats().cachedBytes).toBeLessThanOrEqual(1.25 * 1.25 * 39_000_000 + 64 * 2 ** 20);
    core().trimCache();
    expect(core().memoryStats().cachedBytes).toBe(0);
  });

  it("moves bytes in, out and between buffers at any offset", () => {
    const a = floats([1, 2, 3, 4]);
    const b = floats([0, 0, 0, 0]);
    core().copy(a, 4, b, 8, 8);
    expect([...read(b)]).toEqual([0, 0, 2, 3]);
    core().write(b, 4, Float32Array.of(9).subarray(0, 1));
    const part = new Float32Array(4).subarray(1, 3);
    core().read(b, 4, part);
    expect([...part]).toEqual([9, 2]);
    core().copy(b, 0, b, 4, 12);
    expect([...read(b)]).toEqual([0, 0, 9, 2]);
  });
});

describe("misuse of buffers", () => {
  it("refuses a buffer that was released, also when its memory is in use again", () => {
    const buffer = core().alloc(64);
    core().release(buffer);
    const other = bytes(64);
    for (const call of [
      () => core().release(buffer),
      () => core().byteLength(buffer),
      () => core().fill(buffer, 1, 0),
      () => core().read(buffer, 0, new Float32Array(1)),
    ]) {
      const error = errorOf(call);
      expect(error.code).toBe("NATIVE");
      expect(error.message).toMatch(/native memory: expected a live buffer of this thread, got \d+, released/);
    }
    expect(core().byteLength(other)).toBe(64);
  });

  it("refuses numbers that never were buffers", () => {
    for (const wrong of [0, -1, 1, 1.5, 2 ** 52, 2 ** 53, 1e300, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(errorOf(() => core().release(wrong)).code).toBe("NATIVE");
    }
  });

  it("names both sizes when a buffer is too short", () => {
    const small = floats([1, 2, 3]);
    const error = errorOf(() => core().fill(small, 4, 0));
    expect(error.code).toBe("SHAPE");
    expect(error.message).toBe(
      "fill: expected a buffer of at least 4 elements of 4 bytes, got 12 bytes. Check the shapes that were given.",
    );
    expect(errorOf(() => core().read(small, 8, new Float32Array(2))).message).toMatch(
      /8 bytes at byte 8 .* got a buffer of 12 bytes/,
    );
    expect(errorOf(() => core().write(small, 2 ** 50, new Uint8Array(1))).code).toBe("SHAPE");
    expect(errorOf(() => core().copy(small, 0, small, 4, 12)).code).toBe("SHAPE");
  });

  it("checks every kernel's counts before it touches memory, also counts that overflow", () => {
    const x = floats([1, 2, 3, 4]);
    const huge = 2 ** 52;
    const calls: (() => unknown)[] = [
      () => core().unary("exp", x, x, 5),
      () => core().binary("add", x, x, x, 5),
      () => core().binaryScalar("add", x, 1, false, x, huge),
      () => core().binaryBroadcast("add", x, [4, 1], x, [0, 1], x, [2, 2]),
      () => core().binaryBroadcast("add", x, [huge, 1], x, [0, 1], x, [2, 2]),
      () => core().axpy(1, x, x, 5),
      () => core().clamp(x, 0, 1, x, 5),
      () => core().clampGrad(x, x, 0, 1, x, 5),
      () => core().convert(0, x, 1, x, 5),
      () => core().permute(4, x, [5, 1], [1, 0], x),
      () => core().copyStrided(2, 8, x, 0, 16, x, 0, 8),
      () => core().reduce("sum", x, huge, huge, huge, x),
      () => core().countDifferent(x, x, 5),
      () => core().countNonFinite(x, 5),
      () => core().sumSquares(x, 5),
      () => core().matmul(false, false, 3, 3, 3, x, x, x, false),
      () => core().linearForward(2, 2, 3, x, x, 0, x),
      () => core().batchNormTrain(2, 3, 1e-5, x, 0, 0, x, x, x),
      () => core().channelAffine(2, 3, x, x, x),
      () => core().softmaxCrossEntropy(2, 3, x, x, x, 0),
      () =>
        core().sgdStep(x, x, 0, 5, {
          learningRate: 1,
          momentum: 0,
          dampening: 0,
          weightDecay: 0,
          nesterov: false,
          firstStep: true,
        }),
      () => core().randomUniform(1, 1, 0, x, 5),
    ];
    for (const call of calls) expect(errorOf(call).code).toBe("SHAPE");
    expect([...read(x)]).toEqual([1, 2, 3, 4]);
  });

  it("refuses values of the wrong kind with the argument's place", () => {
    const x = floats([1]);
    expect(errorOf(() => core().fill(x, 0.5, 0)).message).toMatch(
      /^fill: expected a whole number from 0 on as argument 2, got 0.5/,
    );
    expect(errorOf(() => core().fill("x" as never, 1, 0)).message).toMatch(
      /^fill: expected a number as argument 1, got a string/,
    );
    expect(errorOf(() => core().unary("sine" as never, x, x, 1)).message).toMatch(
      /^unary: expected the name of an operation, got "sine"/,
    );
    expect(errorOf(() => core().write(x, 0, [1] as never)).message).toMatch(
      /a typed array as argument 3, got an object/,
    );
    const spec = { batch: 1, inChannels: 1, outChannels: 1, groups: 1 } as never;
    expect(errorOf(() => core().convForward(spec, x, x, 0, x)).message).toMatch(/field input of argument 1/);
  });

  it("reports a refusal of the system as an error, and works on", () => {
    for (const wanted of [2 ** 45, 2 ** 52]) {
      const error = errorOf(() => core().alloc(wanted));
      expect(error.code).toBe("NATIVE");
      expect(error.message).toContain(`${wanted}`);
    }
    expect([...read(from(Float32Array.of(7)))]).toEqual([7]);
  });
});
