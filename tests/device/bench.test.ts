/** The GPU's benchmark cases in tiny sizes: each can be made and run, and leaves nothing on the device. No timings. */
import { afterEach, expect, it } from "vitest";
import { deviceCases } from "../../benchmarks/cuda/cases.ts";
import { devices } from "../../src/kernels/index.ts";
import { memoryStats } from "../../src/tensor/index.ts";
import { DEVICE, describeOnDevice } from "./device.ts";

afterEach(() => {
  devices().current = "cpu";
});

describeOnDevice("a case of the GPU's benchmark", () => {
  it.each(deviceCases(true).map((entry) => [entry.name, entry] as const))("runs: %s", async (_, { prepare }) => {
    devices().current = DEVICE;
    const before = memoryStats().liveBuffers;
    const prepared = await prepare(DEVICE);
    // the second run is recorded where steps are, the third one is replayed
    for (let i = 0; i < 3; i++) await prepared.run();
    prepared.dispose();
    expect(memoryStats().liveBuffers).toBe(before);
  });
});
