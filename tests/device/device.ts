/**
 * The device that these tests run on: the emulated one, or with SPIKESHIP_DEVICE=cuda a GPU. To be imported before anything opens the core's
 * devices. Where its library was not built or no device is there, the tests are skipped and say why.
 */
import { describe } from "vitest";
import { deviceLibrary, devices } from "../../src/kernels/index.ts";

process.env.SPIKESHIP_DEVICE ??= "emulated";

function whyNot(): string | null {
  if (deviceLibrary() === null) {
    return process.env.SPIKESHIP_DEVICE === "emulated"
      ? "build/spikeship_emulated.so is missing: run `node scripts/setup.mjs --with-test-tools`"
      : "build/spikeship_cuda.so is missing: set-up found no nvcc";
  }
  const report = devices().report();
  return report && report.devices.length > 0 ? null : `no device: ${report?.whyNone}`;
}

const reason = whyNot();
if (reason !== null) process.stdout.write(`tests/device skipped: ${reason}\n`);

/** `describe` for tests that need a device. */
export const describeOnDevice: (name: string, tests: () => void) => void = describe.skipIf(reason !== null);

/** true: sums may be in another order than the CPU's (a GPU's dense libraries). */
export const isEmulated = process.env.SPIKESHIP_DEVICE === "emulated";

/** The device under test. */
export const DEVICE = "cuda:0" as const;
