/** Finding and opening the core: what a user reads when it cannot be loaded. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { core } from "../../src/kernels/index.ts";
import { coreFile, openCore } from "../../src/kernels/load.ts";
import { errorOf, temporaryFolder } from "../error-of.ts";

describe("loading the native core", () => {
  const folder = temporaryFolder();
  afterEach(() => vi.unstubAllEnvs());

  it("says which file was looked for when it is not there", () => {
    const missing = join(folder, "absent.node");
    vi.stubEnv("SPIKESHIP_CORE", missing);
    const error = errorOf(openCore);
    expect(error.code).toBe("NATIVE");
    expect(error.message).toContain(missing);
    expect(error.message).toContain("SPIKESHIP_CORE");
  });

  it("passes on why the system could not load it, and what to run", () => {
    const broken = join(folder, "broken.node");
    writeFileSync(broken, "this is no module");
    vi.stubEnv("SPIKESHIP_CORE", broken);
    const error = errorOf(openCore);
    expect(error.code).toBe("NATIVE");
    expect(error.message).toMatch(/broken\.node: expected a module that this system can load, got ".+"/);
    expect(error.message).toContain(`node ${join(process.cwd(), "scripts", "setup.mjs")}`);
  });

  it("takes the file that the environment names", () => {
    const file = coreFile();
    vi.stubEnv("SPIKESHIP_CORE", file);
    expect(coreFile()).toBe(file);
    expect(openCore().info().version).toBe(core().info().version);
  });

  it("describes the build and the machine", () => {
    const info = core().info();
    expect(info.onednn).toMatch(/^[23]\.\d+\.\d+$/);
    expect(["avx512", "avx2", "baseline"]).toContain(info.isa);
    expect(info.threads).toBeGreaterThan(0);
    expect(info.compiler).toMatch(/^(gcc|clang) /);
    expect(info.cpu.length).toBeGreaterThan(0);
  });
});
