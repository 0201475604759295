/**
 * Files that are proper HDF5 but no proper network: each is refused with one clear error that names the place, or read with what is wrong
 * among its findings; what runs, runs in bounded memory. SPIKESHIP_DAMAGED_FILES=1000 asks for many.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SpikeshipError, sizeOf } from "../../../src/core/index.ts";
import { planNet } from "../../../src/exporters/lava/chip/plan.ts";
import { inspectNet } from "../../../src/exporters/lava/inspect.ts";
import type { NetFile } from "../../../src/exporters/lava/net/net-file.ts";
import { readNet } from "../../../src/exporters/lava/read.ts";
import { checkNet } from "../../../src/exporters/lava/rules.ts";
import { simulate } from "../../../src/exporters/lava/simulate.ts";
import { encodeNet, writeNet } from "../../../src/exporters/lava/write.ts";
import { fixture } from "../../fixture.ts";
import { DAMAGES, mutatedFile } from "./mutated-file.ts";
import { Numbers, PLAIN, randomNet } from "./random-net.ts";
import { conv, cuba, denseFile, imageFile, inputOf } from "./small-nets.ts";

const nets = dirname(fixture("lava_nets", "dense_if.net"));
const sources = readdirSync(nets)
  .filter((name) => name.endsWith(".net"))
  .map((name) => join(nets, name));
const KINDS = Object.keys(DAMAGES);
const COUNT = Number(process.env.SPIKESHIP_DAMAGED_FILES ?? 3 * KINDS.length);
/** Each file is read in a thread of its own, which starts in a tenth of a second on an idle machine. */
const TIMEOUT = 60_000 + 3000 * COUNT;

let folder = "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "bad-"));
  // layers and neurons that the stored files lack
  for (const [i, neurons] of (["mixed", "sigmaDelta", "mixed", "sigmaDelta"] as const).entries()) {
    const path = join(folder, `random${i}.net`);
    await writeNet(randomNet(i, { ...PLAIN, biases: true, memory: true, decayLists: true, neurons }), path);
    sources.push(path);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The error of a refusal; any other error fails the test. */
function refusalOf(error: unknown): SpikeshipError {
  if (!(error instanceof SpikeshipError)) throw error;
  return error;
}

async function readOrRefusal(path: string): Promise<NetFile | SpikeshipError> {
  return readNet(path).catch(refusalOf);
}

/** A run of two steps of ones, or the reason why there is none. */
function runOrRefusal(net: NetFile): "ran" | SpikeshipError {
  try {
    const { inputShape } = planNet(net);
    const size = 2 * sizeOf(inputShape);
    if (size > 100_000) return "ran";
    simulate(net, { shape: [2, 1, ...inputShape], data: new Int32Array(size).fill(1) });
    return "ran";
  } catch (error) {
    return refusalOf(error);
  }
}

describe("a file with one damaged member", { timeout: TIMEOUT }, () => {
  it("is refused, or read with findings, and written as it was read", async () => {
    const numbers = new Numbers(20261121);
    const outcomes = { refused: 0, found: 0, harmless: 0 };
    for (let i = 0; i < COUNT; i++) {
      const kind = KINDS[i % KINDS.length]!;
      const source = numbers.pick(sources);
      const { bytes, place } = await mutatedFile(source, kind, numbers);
      const path = join(folder, "mutated.net");
      writeFileSync(path, bytes);
      const title = `${source} ${place} ${kind}`;
      const net = await readOrRefusal(path);
      if (net instanceof SpikeshipError) {
        expect(net.code, title).toBe("FILE");
        expect(net.message, title).toContain("mutated.net");
        outcomes.refused++;
        continue;
      }
      const findings = checkNet(net);
      outcomes[findings.length > 0 ? "found" : "harmless"]++;
      const result = runOrRefusal(net);
      // what does not run was said beforehand
      if (result !== "ran" && result.code === "TARGET")
        expect(findings.filter(({ severity }) => severity === "error").length, title).toBeGreaterThan(0);
      await expect(encodeNet(net).catch(refusalOf), title).resolves.toBeDefined();
    }
    expect(outcomes.refused).toBeGreaterThan(COUNT / 4);
    expect(outcomes.found).toBeGreaterThan(0);
  });

  it.each(["a soft link", "a link to another file", "not finite"])("%s is refused wherever it stands", async (kind) => {
    for (let seed = 0; seed < 3; seed++) {
      const numbers = new Numbers(seed);
      const { bytes, place } = await mutatedFile(numbers.pick(sources), kind, numbers);
      const path = join(folder, "refused.net");
      writeFileSync(path, bytes);
      await expect(readNet(path), place).rejects.toMatchObject({ code: "FILE" });
    }
  });
});

/** Written by a program that believes anything. */
async function written(net: NetFile): Promise<string> {
  const path = join(folder, "absurd.net");
  await writeNet(net, path);
  return path;
}

describe("absurd sizes", () => {
  it("of a layer are refused before anything is made of them", async () => {
    const large = 2 ** 20;
    const net = { layers: [inputOf(1, large, large), { ...conv, shape: [1, large, large] }], simulation: null };
    await expect(readNet(await written(net))).rejects.toThrow(/shape: expected at most \d+ neurons/);
  });

  it("of a window are refused with the size that follows from it", async () => {
    const path = await written(imageFile({ ...conv, padding: [2 ** 40, 0] }));
    const net = await readNet(path);
    expect(checkNet(net)).toMatchObject([{ rule: "loihi/loadable", severity: "error" }]);
    expect(() => planNet(net)).toThrow(SpikeshipError);
  });

  it("of a run are refused with the way out", () => {
    const many = { shape: [2 ** 20, 1, 2], data: new Int32Array(2 ** 21) };
    expect(() => simulate(denseFile(), many, { extraSteps: 2 ** 40 })).toThrow(/expected at most \d+ numbers/);
  });

  it("of decays are refused when the file is loaded", async () => {
    const net = denseFile({ neuron: { ...cuba, iDecay: { shape: [], data: Float64Array.of(2 ** 40) } } });
    expect(checkNet(await readNet(await written(net))).map(({ severity }) => severity)).toContain("error");
    expect(() => planNet(net)).toThrow(/expected a decay of 32 bits as neuron.iDecay, got 1099511627776/);
  });

  it("do not keep a file from being inspected", async () => {
    const { facts } = await inspectNet(await written(imageFile({ ...conv, padding: [2 ** 40, 0] })));
    expect(facts).toMatchObject({ problem: expect.stringContaining("/layer/1") });
  });
});
