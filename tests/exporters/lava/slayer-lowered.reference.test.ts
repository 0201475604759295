/**
 * The networks that Lava DL trained, rebuilt in training here and written here: the file computes what slayer computed, also where slayer's own
 * file does not, or a rule says beforehand why it cannot.
 */
import { afterAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../error-of.ts";
import { fixture } from "../../fixture.ts";
import { openReference } from "../../h5.ts";
import { lavaNetwork } from "../../quantize/lava-network.ts";
import { runPrepared, target } from "./prepared-run.ts";

const file = await openReference(fixture("lava_blocks.h5"));
afterAll(() => file.close());
const folder = temporaryFolder();

/** slayer's default; a case may name another scale. */
const scaleOf = (name: string): number => Number(/scale_(\d+)/.exec(name)?.[1] ?? 64);
/** Worst cases that need not occur. */
const isBound = (rule: string) => ["loihi/register-overflow", "loihi/sigma-delta-range"].includes(rule);

interface Outcome {
  refused: string | null;
  mismatches: number;
  foreseen: boolean;
}

async function lowered(name: string): Promise<Outcome> {
  const network = await lavaNetwork({ file, name, scale: scaleOf(name) });
  try {
    const findings = target.check(network);
    const error = findings.find(({ severity }) => severity === "error");
    if (error) {
      expect(error.source, error.message).toMatch(/discrepancy \d+|proc\/lif/);
      return { refused: error.rule, mismatches: 0, foreseen: true };
    }
    const { data, shape } = file.array(`${name}/x`);
    const sequence = { form: "sequence" as const, shape: [...shape], data: Float32Array.from(data, Number) };
    const { layers, outputMismatches, events } = await runPrepared(network, `${folder}/${name}`, sequence);
    const mismatches = layers.reduce((sum, layer) => sum + layer.mismatches, outputMismatches);
    return { refused: null, mismatches, foreseen: [...findings, ...events].some(({ rule }) => isBound(rule)) };
  } finally {
    network.dispose();
  }
}

describe("every case of lava_blocks.h5", () => {
  it("is written so that the file computes what was trained, or refused by a rule", async () => {
    const outcomes = new Map<string, Outcome>();
    for (const name of file.keys("")) outcomes.set(name, await lowered(name));
    const wrong = [...outcomes].filter(([, { mismatches, foreseen }]) => mismatches > 0 && !foreseen);
    expect(wrong).toEqual([]);
    const written = [...outcomes].filter(([, { refused }]) => refused === null);
    expect(written.length).toBeGreaterThan(outcomes.size / 2);
  });
});
