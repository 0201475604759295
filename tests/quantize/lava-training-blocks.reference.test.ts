/**
 * Training outputs of every case of `lava_blocks.h5`: slayer's layers by the chip's arithmetic and by the reference slayer, SpikingJelly's by
 * the reference spikingjelly. Every spike is compared.
 */
import { afterAll, describe, expect, it } from "vitest";
import type { Network, Reference } from "../../src/model/index.ts";
import { scope } from "../../src/tensor/index.ts";
import { fixture } from "../fixture.ts";
import { openReference } from "../h5.ts";
import { tensorOf } from "../model/layer-fixture.ts";
import { blockOutputs, lavaNetwork } from "./lava-network.ts";

const file = await openReference(fixture("lava_blocks.h5"));
afterAll(() => file.close());

const cases = file.keys("");

/** slayer's default; a case may name another scale. */
const scaleOf = (name: string): number => Number(/scale_(\d+)/.exec(name)?.[1] ?? 64);
/** The threshold that a case was given, where the file only holds what slayer cut it to. */
function thresholdOf(name: string): { vThreshold?: number } {
  const digits = /threshold_(\d+)p(\d+)/.exec(name);
  return digits ? { vThreshold: Number(`${digits[1]}.${digits[2]}`) } : {};
}
/** Cases of slayer's one-step shift name it. */
const isShifted = (name: string): boolean => name === "delay_shift";
const isPowerOfTwo = (value: number) => Number.isInteger(Math.log2(value));

/**
 * At a scale that is no power of two the drive is a float32 sum of products that are off the grid: its last bit depends on the order of the
 * sum, which decides whether truncation loses a step. A spike in 500 may differ.
 */
const OFF_GRID_SHARE = 1 / 500;

async function outputsOf(name: string, reference: Reference): Promise<Float32Array[]> {
  const options = { file, name, scale: scaleOf(name), reference, shifted: isShifted(name), ...thresholdOf(name) };
  const network: Network = await lavaNetwork(options);
  try {
    return scope(() => blockOutputs(network, tensorOf(file, `${name}/x`)));
  } finally {
    network.dispose();
  }
}

function expectLayers(name: string, group: string, outputs: readonly Float32Array[]): void {
  const stored = file.keys(`${name}/${group}`);
  expect(stored.length).toBeGreaterThan(0);
  for (const layer of stored) {
    const expected = file.floats(`${name}/${group}/${layer}`);
    const got = outputs[Number(layer.replace("layer", ""))]!;
    if (isPowerOfTwo(scaleOf(name))) expect(sameNumbers(got, expected), `${name} ${group} ${layer}`).toBe(true);
    else expect(differences(got, expected) / expected.length).toBeLessThan(OFF_GRID_SHARE);
  }
  const last = file.floats(`${name}/${group}_out`);
  if (isPowerOfTwo(scaleOf(name))) expect(sameNumbers(outputs.at(-1)!, last)).toBe(true);
}

const differences = (a: Float32Array, b: Float32Array) =>
  b.reduce((count, value, i) => count + (value === a[i] ? 0 : 1), 0);
const sameNumbers = (a: Float32Array, b: Float32Array) => a.length === b.length && differences(a, b) === 0;

describe("every case of lava_blocks.h5", () => {
  it("has slayer's layers", () => {
    expect(cases.filter((name) => !file.has(`${name}/slayer`))).toEqual([]);
  });

  describe.each(["chip", "slayer"] as const)("by the reference %s", (reference) => {
    it.each(cases)("gives slayer's outputs in %s, layer by layer", async (name) => {
      expectLayers(name, "slayer", await outputsOf(name, reference));
    });
  });

  const exchanged = cases.filter((name) => file.has(`${name}/sj`));
  it.each(exchanged)("gives SpikingJelly's outputs in %s by the reference spikingjelly", async (name) => {
    expectLayers(name, "sj", await outputsOf(name, "spikingjelly"));
  });

  it.each(exchanged)("differs between the references in %s exactly where the two frameworks do", async (name) => {
    if (!isPowerOfTwo(scaleOf(name))) return;
    const [slayer, exchange] = await Promise.all(
      (["slayer", "spikingjelly"] as const).map((reference) => outputsOf(name, reference)),
    );
    const count = differences(slayer!.at(-1)!, exchange!.at(-1)!);
    expect(count).toBe(Number(file.attribute(name, "sj_slayer_mismatches")));
  });
});
