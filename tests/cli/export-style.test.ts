/** `spikeship export lynxi --style`: the styles by both names, and that what comes behind an export takes each of them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import {
  ConstantEncoder,
  createNetwork,
  Flatten,
  IFNode,
  LIFNode,
  Linear,
  Sequential,
  saveCheckpoint,
} from "../../src/model/index.ts";
import { temporaryFolder } from "../error-of.ts";
import { spikeship, spikeshipJson } from "./program.ts";

const folder = temporaryFolder();
const checkpoint = join(folder, "checkpoint.safetensors");

beforeAll(() => {
  const network = createNetwork(
    {
      inputShape: [1, 8, 8],
      steps: 4,
      encoder: ConstantEncoder(),
      root: Sequential({
        flatten: Flatten(),
        hidden: Linear({ inFeatures: 64, outFeatures: 16 }),
        spikes1: IFNode({ vThreshold: 0.125, vReset: -0.0625 }),
        head: Linear({ inFeatures: 16, outFeatures: 10 }),
        spikes2: LIFNode({ tau: 2, vThreshold: 0.0625, vReset: null }),
      }),
    },
    3,
  );
  saveCheckpoint(checkpoint, network, new Map(), {});
  network.dispose();
});

interface Verdict {
  passed: boolean;
}

describe("export --style", () => {
  it("writes each style, and verify proves each against the network", async () => {
    for (const [style, module] of [
      ["whole-sequence", false],
      ["single-step", false],
      ["S-torch", true],
    ] as const) {
      const out = join(folder, style);
      await spikeshipJson(["export", "lynxi", checkpoint, "-o", out, "--style", style]);
      expect(existsSync(join(out, "module_lynxi.py"))).toBe(module);
      const verdict = (await spikeshipJson(["verify", out, "-d", "digits", "-n", "20", "-q"])) as Verdict;
      expect(verdict.passed, style).toBe(true);
      const { code } = await spikeship(["check", "--target", "lynxi", out]);
      expect(code, style).toBe(0);
    }
  });

  it("refuses a style that does not exist, with the names of those that do, and a style for another chip", async () => {
    const out = join(folder, "none");
    const unknown = await spikeship(["export", "lynxi", checkpoint, "-o", out, "--style", "stepwise"]);
    expect(unknown.code).not.toBe(0);
    expect(unknown.err).toMatch(/style.*single-step/);
    const other = await spikeship(["export", "loihi", checkpoint, "-o", out, "--style", "single-step"]);
    expect(other.code).not.toBe(0);
    expect(existsSync(out)).toBe(false);
  });
});
