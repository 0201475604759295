/** The program that checks a device library without Node, as a user runs it. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const build = join(import.meta.dirname, "../../build");
const program = join(build, "spikeship_device_check");
const library = join(build, "spikeship_emulated.so");
const missing = !existsSync(program) || !existsSync(library);
if (missing) process.stdout.write("standalone tests skipped: run `node scripts/setup.mjs --with-test-tools` first\n");

describe.skipIf(missing)("spikeship_device_check", () => {
  it("finds every kernel of the emulated device equal to the CPU's", () => {
    const { stdout, status } = spawnSync(program, [library], { encoding: "utf8" });
    expect(stdout.trimEnd().split("\n").at(-1)).toMatch(/^\d{3,} passed, 0 failed$/);
    expect(status).toBe(0);
  });

  it("says what the library finds", () => {
    expect(execFileSync(program, [library, "info"], { encoding: "utf8" })).toMatch(/^device +emulated device/m);
  });

  it("names a library that is none, and its own usage", () => {
    const wrong = spawnSync(program, [program], { encoding: "utf8" });
    expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining(program)]);
    const bare = spawnSync(program, [], { encoding: "utf8" });
    expect([bare.status, bare.stderr]).toEqual([2, expect.stringContaining("usage:")]);
  });
});
