/** Where memory lies, what happens where devices meet, and what a recorded step may do. */
import { afterEach, expect, it } from "vitest";
import { type BufferId, core, devices } from "../../src/kernels/index.ts";
import { DEVICE, describeOnDevice } from "./device.ts";

const made: BufferId[] = [];

function room(count: number): BufferId {
  const buffer = core().alloc(count * 4);
  made.push(buffer);
  return buffer;
}

function on(device: number, values: number[]): BufferId {
  const buffer = core().allocOn(device, values.length * 4);
  made.push(buffer);
  core().write(buffer, 0, Float32Array.from(values));
  return buffer;
}

function read(buffer: BufferId): number[] {
  const values = new Float32Array(core().byteLength(buffer) / 4);
  core().read(buffer, 0, values);
  return [...values];
}

describeOnDevice("memory", () => {
  afterEach(() => {
    devices().current = "cpu";
    for (const buffer of made.splice(0)) core().release(buffer);
  });

  it("that nobody has used goes where the other buffers of its first call lie", () => {
    const x = on(0, [1, -2, 3]);
    const out = room(3);
    core().unary("neg", x, out, 3);
    expect(core().deviceOf(out)).toBe(0);
    expect(read(out)).toEqual([-1, 2, -3]);
  });

  it("goes to the current device when its first call gives no hint", () => {
    const before = room(2);
    core().fill(before, 2, 7);
    expect(core().deviceOf(before)).toBe(-1);
    devices().current = DEVICE;
    const after = room(2);
    core().fill(after, 2, 7);
    expect(core().deviceOf(after)).toBe(0);
    expect(read(after)).toEqual(read(before));
  });

  it("of two devices does not meet in one call, but is copied between them", () => {
    const [here, there] = [on(-1, [1, 2]), on(0, [3, 4])];
    expect(() => core().binary("add", here, there, room(2), 2)).toThrow(
      /expected tensors of one device, got cpu and cuda:0.*tensor\.to\(device\)/s,
    );
    const copied = core().allocOn(0, 8);
    made.push(copied);
    core().copy(here, 0, copied, 0, 8);
    core().binary("add", copied, there, there, 2);
    expect(read(there)).toEqual([4, 6]);
    core().copy(there, 4, here, 0, 4);
    expect(read(here)).toEqual([6, 2]);
  });

  it("of a device that is not there is refused", () => {
    expect(() => core().allocOn(99, 8)).toThrow(/a device from 0 to/);
    expect(() => devices().named("cuda:99")).toThrow(/cuda:99.*spikeship info/s);
    expect(() => devices().named("gpu")).toThrow(/expected cpu, cuda, cuda:<number> or auto, got "gpu"/);
  });

  it("is kept after release and counted", () => {
    const before = core().deviceMemory(0);
    const buffer = core().allocOn(0, 1 << 20);
    expect(core().deviceMemory(0).liveBytes).toBe(before.liveBytes + (1 << 20));
    core().release(buffer);
    const after = core().deviceMemory(0);
    expect(after.liveBytes).toBe(before.liveBytes);
    expect(after.cachedBytes).toBeGreaterThanOrEqual(1 << 20);
  });
});

describeOnDevice("a recorded sequence of calls", () => {
  afterEach(() => {
    for (const buffer of made.splice(0)) core().release(buffer);
  });

  it("runs when it is replayed, on the memory it was recorded with", () => {
    const [x, y] = [on(0, [1, 2]), on(0, [10, 20])];
    core().beginCapture(0);
    const between = core().alloc(8);
    core().binaryScalar("mul", x, 3, false, between, 2);
    core().binary("add", y, between, y, 2);
    core().release(between);
    const graph = core().endCapture();
    expect(read(y)).toEqual([10, 20]);
    core().replay(graph);
    expect(read(y)).toEqual([13, 26]);
    core().write(x, 0, Float32Array.of(5, 5));
    // What is taken meanwhile must not be the recorded memory.
    const other = on(0, [100, 100]);
    core().replay(graph);
    expect(read(y)).toEqual([28, 41]);
    expect(read(other)).toEqual([100, 100]);
    core().forget(graph);
    expect(() => core().replay(graph)).toThrow(/a recorded graph/);
  });

  it("refuses what would wait for the device or differ from run to run, and can be given up", () => {
    const x = on(0, [1, 2]);
    core().beginCapture(0);
    expect(() => read(x)).toThrow(/a step that is being recorded/);
    expect(() => core().write(x, 0, Float32Array.of(1, 2))).toThrow(/a step that is being recorded/);
    core().abortCapture();
    expect(read(x)).toEqual([1, 2]);
  });
});
