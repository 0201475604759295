/** Runs before every test file: no test may leave native memory behind. */
import { afterAll, expect } from "vitest";

afterAll(async () => {
  const { loadedCore } = await import("../src/kernels/index.ts");
  const core = loadedCore();
  if (core) expect(core.memoryStats().liveBuffers, "native buffers left behind by this file").toBe(0);
});
