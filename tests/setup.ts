/**
 * Runs before every test file: no test may leave native memory behind. With SPIKESHIP_DEVICE=cuda (or emulated) every test runs on that
 * device; those of tests/device compare devices and choose for themselves.
 */
import { afterAll, expect } from "vitest";

if (process.env.SPIKESHIP_DEVICE && !expect.getState().testPath?.includes("/tests/device/")) {
  const { devices } = await import("../src/kernels/index.ts");
  devices().current = devices().named("cuda");
}

afterAll(async () => {
  const { loadedCore } = await import("../src/kernels/index.ts");
  const core = loadedCore();
  if (core) expect(core.memoryStats().liveBuffers, "native buffers left behind by this file").toBe(0);
});
