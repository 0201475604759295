/**
 * Random networks: what was prepared is what runs, in every spike of every layer, or a rule said beforehand why not; files stay equal to the
 * byte when they are read and written again; both simulators agree. SPIKESHIP_RANDOM_NETWORKS=200 asks for many.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { simulateReference } from "../../../src/exporters/lava/emulation/simulate-reference.ts";
import { readNet } from "../../../src/exporters/lava/read.ts";
import { checkNet } from "../../../src/exporters/lava/rules.ts";
import { simulate } from "../../../src/exporters/lava/simulate.ts";
import { encodeNet, writeNet } from "../../../src/exporters/lava/write.ts";
import type { Finding } from "../../../src/exporters/target.ts";
import { noiseFor, runPrepared, target } from "./prepared-run.ts";
import { type NetTraits, PLAIN, randomNet, randomSpikes } from "./random-net.ts";
import { randomTrained } from "./random-prepared.ts";

const USUAL_COUNT = 24;
const COUNT = Number(process.env.SPIKESHIP_RANDOM_NETWORKS ?? USUAL_COUNT);
/** A second for each network is plenty on a busy machine. */
const TIMEOUT = 60_000 + 2000 * COUNT;
const SAMPLES = 3;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "random-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Severe ones say that it cannot be written; these, that the chip's numbers may be others than training's. */
const OVERFLOWS = [
  "loihi/current-wrapped",
  "loihi/voltage-saturated",
  "loihi/convolution-inexact",
  "loihi/register-overflow",
  "loihi/sigma-delta-range",
];

/** The first finding by which a difference is excused. */
const excuseOf = (findings: readonly Finding[]): string | undefined =>
  findings.find(({ rule, severity }) => severity === "error" || OVERFLOWS.includes(rule))?.rule;

/** How each network ended: equal in every layer, or excused beforehand by a rule. Differences without an excuse fail. */
class Tally {
  exact = 0;
  silent = 0;
  readonly excused = new Map<string, number>();
  readonly types = new Map<string, number>();

  excuse(rule: string): void {
    this.excused.set(rule, (this.excused.get(rule) ?? 0) + 1);
  }
}

async function runOne(seed: number, tally: Tally): Promise<void> {
  const { network: trained, options } = randomTrained(seed);
  try {
    const refusal = excuseOf(target.check(trained));
    const prepared = refusal === undefined || OVERFLOWS.includes(refusal) ? target.prepare(trained, { options }) : null;
    if (!prepared) return tally.excuse(refusal!);
    try {
      const foreseen = excuseOf(target.check(prepared));
      if (foreseen !== undefined && !OVERFLOWS.includes(foreseen)) return tally.excuse(foreseen);
      const { layers, outputMismatches, events, directory } = await runPrepared(
        prepared,
        join(folder, `${seed}`),
        noiseFor(prepared, SAMPLES, seed),
      );
      const excuse = excuseOf(events) ?? foreseen;
      const mismatches = layers.reduce((sum, layer) => sum + layer.mismatches, outputMismatches);
      if (mismatches > 0) expect(excuse, `seed ${seed}: ${JSON.stringify(layers)}`).toBeDefined();
      if (mismatches > 0) tally.excuse(excuse!);
      else tally.exact++;
      if (layers.at(-1)!.active === 0) tally.silent++;
      const path = join(directory, "network.net");
      const net = await readNet(path);
      for (const { type } of net.layers) tally.types.set(type, (tally.types.get(type) ?? 0) + 1);
      expect(Buffer.compare(await encodeNet(net), readFileSync(path)), `seed ${seed}`).toBe(0);
      rmSync(directory, { recursive: true });
    } finally {
      prepared.dispose();
    }
  } finally {
    trained.dispose();
  }
}

describe("random networks from training", { timeout: TIMEOUT }, () => {
  it("give the file's spikes and messages in every layer at every step, or a rule says beforehand why not", async () => {
    const tally = new Tally();
    for (let seed = 0; seed < COUNT; seed++) await runOne(seed, tally);
    if (COUNT > USUAL_COUNT) {
      console.log(`${tally.exact} of ${COUNT} exact, excused`, Object.fromEntries(tally.excused));
      console.log(`${tally.silent} silent at the end; layers`, Object.fromEntries(tally.types));
    }
    // a comparison of silence would prove nothing, nor would one that is always excused
    expect(tally.silent).toBeLessThan(COUNT / 2);
    expect(tally.exact).toBeGreaterThan((COUNT * 3) / 4);
  });
});

/** Every kind of layer and neuron in turn. */
const KINDS: NetTraits[] = [
  PLAIN,
  { ...PLAIN, biases: true, decayLists: true },
  { ...PLAIN, memory: true },
  { ...PLAIN, inputNeuron: true, biases: true },
  { ...PLAIN, neurons: "sigmaDelta", biases: true },
  { ...PLAIN, neurons: "sigmaDelta", memory: true },
  { ...PLAIN, neurons: "mixed", decayLists: true },
  { biases: true, memory: true, overflow: true, decayLists: true, neurons: "mixed", inputNeuron: true },
];

describe("random files", { timeout: TIMEOUT }, () => {
  it("are equal to the byte when they are read and written again, and run alike in both simulators", async () => {
    const path = join(folder, "random.net");
    for (let seed = 0; seed < COUNT; seed++) {
      const net = randomNet(seed, KINDS[seed % KINDS.length]!);
      expect(checkNet(net).filter(({ rule }) => rule === "loihi/loadable")).toEqual([]);
      await writeNet(net, path);
      const bytes = readFileSync(path);
      const back = await readNet(path);
      expect(back).toEqual(net);
      expect(Buffer.compare(await encodeNet(back), bytes), `seed ${seed}`).toBe(0);
      const input = randomSpikes(seed, net, 6, 2);
      const options = { record: "raw" as const, ...(seed % 2 === 0 ? { resetInterval: 4 } : {}) };
      expect(simulate(back, input, options), `seed ${seed}`).toEqual(simulateReference(net, input, options));
    }
  });
});
