/** `spikeship map` as a user runs it: on a file, with spikes, on an exported directory with its own dataset. */
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { writeNpy } from "../../src/data/index.ts";
import { temporaryFolder } from "../error-of.ts";
import { spikeship, spikeshipJson, tinyConfig } from "./program.ts";

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, "run", ...names);

interface MappingJson {
  latency: number;
  layers: { neurons: number; perTarget: { cores: number; binding: string } }[];
  loihi1: { perTarget: { cores: number; chips: number } };
  activity: { samples: number; steps: number; layers: { rate: number; synapticOperations: number }[] } | null;
  energy: { total: number; source: string } | null;
  findings: unknown[];
}
const mapping = async (...args: string[]) => (await spikeshipJson(["map", ...args])) as MappingJson;

beforeAll(async () => {
  writeFileSync(join(folder, "tiny.json"), JSON.stringify(tinyConfig()));
  await spikeshipJson(["demo", "-c", join(folder, "tiny.json"), "-o", at()]);
  copyFileSync(at("loihi/export/network.net"), join(folder, "alone.net"));
});

describe("map", () => {
  it("shows the cores of a file for people and for programs, without running anything", async () => {
    const { code, out } = await spikeship(["map", at("loihi/export/network.net")]);
    expect(code).toBe(0);
    expect(out).toMatch(/Loihi 1 +2 cores of 128, 1 chip\n/);
    expect(out).toMatch(/Loihi 2 \(what is published; no verdict\)/);
    const facts = await mapping(at("loihi/export/network.net"));
    expect(facts).toMatchObject({ latency: 2, activity: null, energy: null, findings: [] });
    expect(facts.layers.map(({ neurons }) => neurons)).toEqual([36, 10]);
    expect(facts.loihi1.perTarget).toEqual({ cores: 2, chips: 1 });
  });

  it("counts spikes and operations on the samples of the training's dataset", async () => {
    const { activity, energy } = await mapping(at("loihi/export"), "--samples", "40");
    expect(activity).toMatchObject({ samples: 40, steps: 4 });
    for (const { rate } of activity!.layers) expect(rate).toBeLessThanOrEqual(1);
    expect(activity!.layers[0]!.synapticOperations).toBeGreaterThan(0);
    expect(energy!.total).toBeGreaterThan(0);
    expect(energy!.source).toContain("Davies");
    const named = await mapping(at("loihi/export/network.net"), "--data", "digits", "--samples", "40");
    expect(named.activity).toEqual(activity);
  });

  it("counts on spikes from a file, the first samples of it when asked", async () => {
    const spikes = join(folder, "spikes.npy");
    const data = Uint8Array.from({ length: 3 * 5 * 64 }, (_, i) => (i % 7 === 0 ? 1 : 0));
    writeNpy(spikes, { dtype: "uint8", shape: [3, 5, 1, 8, 8], data });
    const all = await mapping(at("loihi/export/network.net"), "--data", spikes);
    expect(all.activity).toMatchObject({ samples: 3, steps: 5, inputSpikes: data.reduce((a, b) => a + b) / 3 });
    const one = await mapping(at("loihi/export/network.net"), "--data", spikes, "--samples", "1");
    expect(one.activity).toMatchObject({ samples: 1, inputSpikes: data.subarray(0, 320).reduce((a, b) => a + b) });
  });

  it.each([
    [["lynxi/export/graph.onnx"], /Only \.net files/],
    [["../alone.net", "--data", "digits"], /needs the network of an exported directory/],
    [["loihi/export/network.net", "--samples", "none"], /--samples: expected a whole number/],
    [["loihi/export/missing.net"], /missing\.net/],
  ])("refuses %s and says what to do", async ([file, ...args], message) => {
    const { code, err } = await spikeship(["map", at(file!), ...args]);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });
});
