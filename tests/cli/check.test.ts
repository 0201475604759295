/** The `check` command on networks and on files of a chip, and the copy that `--fix` writes. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../error-of.ts";
import { fixture } from "../fixture.ts";
import { spikeship, tinyConfig } from "./program.ts";

const folder = temporaryFolder();
const foreign = fixture("csnn_torch_export.onnx");
const config = join(folder, "tiny.json");

interface Finding {
  rule: string;
  severity: string;
  place: string;
  message: string;
  limit: string;
  source: string;
  rewrite: string;
}

const json = async (...args: string[]) => {
  const { code, out } = await spikeship(["check", "--target", "lynxi", ...args, "--json"]);
  return { code, result: JSON.parse(out) as unknown };
};

beforeAll(() => writeFileSync(config, JSON.stringify(tinyConfig())));

describe("check", () => {
  it("judges a network by its description", async () => {
    const { code, result } = await json(config);
    expect(code).toBe(0);
    expect((result as Finding[]).filter(({ severity }) => severity === "error")).toEqual([]);
    expect((result as Finding[]).find(({ rule }) => rule === "LX028")?.message).toMatch(/neurons in one step/);
  });

  it("runs samples through a network for Loihi, and says what it saw in the registers", async () => {
    const { code, out } = await spikeship(["check", "-t", "loihi", config, "--samples", "4", "--json"]);
    expect(code).toBe(0);
    expect((JSON.parse(out) as Finding[]).map(({ rule }) => rule)).toContain("loihi/observed-range");
    const alone = join(folder, "alone.json");
    writeFileSync(alone, JSON.stringify(tinyConfig().network));
    const refused = await spikeship(["check", "-t", "loihi", alone, "--samples", "4"]);
    expect(refused.code).toBe(2);
    expect(refused.err).toContain("Only a config names the samples.");
  });

  it("judges a file of another program, with place, limit, source and rewrite, and ends with 2 for its errors", async () => {
    const { code, result } = await json(foreign);
    expect(code).toBe(2);
    const errors = (result as Finding[]).filter(({ severity }) => severity === "error");
    expect(new Set(errors.map(({ rule }) => rule))).toEqual(new Set(["LX011"]));
    for (const finding of result as Finding[]) {
      for (const key of ["place", "message", "limit", "source", "rewrite"] as const)
        expect(finding[key].length, `${finding.rule} ${key}`).toBeGreaterThan(2);
    }
  });

  it("takes from options what a file does not say", async () => {
    const unjudged = (findings: unknown) =>
      (findings as Finding[]).filter(({ message }) => message.startsWith("not judged")).map(({ rule }) => rule);
    expect(unjudged((await json(foreign)).result)).toContain("LX008");
    const told = await json(foreign, "--option", "steps=4", "--option", "style=whole-sequence");
    expect(unjudged(told.result)).toEqual(["LX017"]);
    const { code, err } = await spikeship(["check", "-t", "lynxi", foreign, "--option", "step=4"]);
    expect(code).toBe(2);
    expect(err).toContain('Did you mean "steps"?');
  });

  it("writes a fixed copy, lists every change, and judges the copy", async () => {
    const output = join(folder, "fixed.onnx");
    const { code, out } = await spikeship(["check", "-t", "lynxi", foreign, "--fix", output]);
    expect(code).toBe(0);
    expect(out).toMatch(/^changed: LX006 at .+/m);
    expect(out).toMatch(/^changed: LX007 at .+ written as Slice/m);
    expect(out).toMatch(/^changed: LX011 at .+: rounded to float16 \(\d+ numbers, by at most [\d.e-]+\); /m);
    expect(out).not.toMatch(/^(error|warning)/m);
    expect((await json(output)).code).toBe(0);
    expect((await spikeship(["inspect", output])).code).toBe(0);
  });

  it("leaves nothing behind when a file cannot be read", async () => {
    const broken = join(folder, "broken.onnx");
    writeFileSync(broken, readFileSync(foreign).subarray(0, 999));
    const output = join(folder, "never.onnx");
    const { code, err, out } = await spikeship(["check", "-t", "lynxi", broken, "--fix", output]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(/broken\.onnx.*: expected .*, got .*\n$/);
    expect(err.trim().split("\n")).toHaveLength(1);
    expect(existsSync(output)).toBe(false);
  });

  it("says what it judges where a file, an option or a chip does not fit", async () => {
    const refused = async (...args: string[]) => {
      const { code, err } = await spikeship(["check", ...args]);
      expect(code, args.join(" ")).toBe(2);
      return err;
    };
    expect(await refused("-t", "loihi", foreign)).toContain(".net file");
    expect(await refused("-t", "lynxi", config, "--fix", "x.onnx")).toContain("--fix");
    mkdirSync(join(folder, "empty"), { recursive: true });
    expect(await refused("-t", "lynxi", join(folder, "empty"))).toContain("manifest.json");
    expect(await refused("-t", "lynxi", join(folder, "none.onnx"))).toContain("no such file");
  });
});
