/** `verdict.json`: written, read back, refused when it is not one. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sha256 } from "../../src/core/index.ts";
import type { LayerTrace, TargetContract } from "../../src/exporters/index.ts";
import {
  compareLayers,
  compareRuns,
  judged,
  readVerdict,
  VERDICT_FILE,
  type VerdictDocument,
  verdictDocument,
  writeVerdict,
} from "../../src/verify/index.ts";

const EXACT: TargetContract = { maxFlipRate: 0, minPredictionAgreement: 1, statement: "Identical." };

function sample(chipValue: number): VerdictDocument {
  const trace = (value: number): LayerTrace[] => [{ layer: "fc", shape: [2, 1, 1], data: Uint8Array.of(1, value) }];
  const rates = Float32Array.of(1, 0);
  const layers = compareLayers(trace(0), trace(chipValue));
  return verdictDocument({
    target: "chip",
    file: "network.bin",
    hashes: { network: sha256("network"), file: sha256("file"), input: sha256("input") },
    comparisons: [judged("file against network", EXACT, { layers, predictions: compareRuns(rates, rates, [0]) })],
  });
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "spikeship-verdict-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("verdict.json", () => {
  it.each([0, 1])("survives writing and reading (chip value %d)", (value) => {
    const verdict = sample(value);
    const path = join(folder, VERDICT_FILE);
    writeVerdict(path, verdict);
    expect(readVerdict(path)).toEqual(verdict);
    expect(verdict.passed).toBe(value === 0);
  });

  it("is the same text for the same comparison", () => {
    const [one, other] = [join(folder, "1.json"), join(folder, "2.json")];
    writeVerdict(one, sample(1));
    writeVerdict(other, sample(1));
    expect(readFileSync(one, "utf8")).toBe(readFileSync(other, "utf8"));
  });

  it("passes only when every comparison does", () => {
    const [good, bad] = [sample(0), sample(1)];
    const both = verdictDocument({ ...parts(good), comparisons: [...good.comparisons, ...bad.comparisons] });
    expect(both.passed).toBe(false);
  });

  it("refuses a hash that is none", () => {
    const good = sample(0);
    const hashes = { ...good.hashes, file: "1234" };
    expect(() => verdictDocument({ ...parts(good), hashes })).toThrow(/hashes\.file.*64 hexadecimal/);
  });

  it.each([
    ["says passed where its checks do not", (v: VerdictDocument) => ({ ...v, passed: true }), /passed/],
    ["has an unknown field", (v: VerdictDocument) => ({ ...v, pased: true }), /pased/],
    ["has another version", (v: VerdictDocument) => ({ ...v, version: 2 }), /version/],
    ["compares nothing", (v: VerdictDocument) => ({ ...v, comparisons: [] }), /comparisons/],
  ])("refuses a file that %s", (_what, change, message) => {
    const path = join(folder, VERDICT_FILE);
    writeFileSync(path, JSON.stringify(change(sample(1))));
    expect(() => readVerdict(path)).toThrow(
      expect.objectContaining({ code: "FILE", message: expect.stringMatching(message) as string }),
    );
  });

  it("refuses a truncated file and a missing one, naming them", () => {
    const path = join(folder, VERDICT_FILE);
    writeFileSync(path, '{"format": "spike');
    expect(() => readVerdict(path)).toThrow(/verdict\.json: expected JSON/);
    expect(() => readVerdict(join(folder, "none.json"))).toThrow(/none\.json/);
  });

  function parts({ target, file, hashes, comparisons }: VerdictDocument) {
    return { target, file, hashes, comparisons };
  }
});
