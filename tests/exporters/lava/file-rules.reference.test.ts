/** Files whose recorded run in Lava differs from their training: the design rules say so beforehand, and by which disagreement. */
import { afterAll, describe, expect, it } from "vitest";
import { fixNet } from "../../../src/exporters/lava/file-rules/fix-net.ts";
import { readNet } from "../../../src/exporters/lava/read.ts";
import { checkNet } from "../../../src/exporters/lava/rules.ts";
import { simulate } from "../../../src/exporters/lava/simulate.ts";
import { fixture } from "../../fixture.ts";
import { openReference } from "../../h5.ts";

const reference = await openReference(fixture("lava_blocks.h5"));
afterAll(() => reference.close());
const cases = reference.keys("");

/** Numbers of the disagreements between trainer, file and loader that the cases were made for, by the beginning of their names. */
const DISAGREEMENTS: [name: string, number: number][] = [
  ["edge_threshold_", 1],
  ["edge_weight_", 2],
  ["edge_scale_", 9],
  ["edge_all_inhibitory", 21],
  ["edge_wrap", 16],
  ["bias_no_reset", 19],
  ["bias_wgt_scale", 17],
  ["sj_norm_exp2", 17],
  ["input_neuron", 31],
];

async function disagreements(name: string): Promise<number[]> {
  const net = await readNet(fixture(...String(reference.attribute(name, "net")).split("/")));
  return checkNet(net).flatMap(({ source }) => {
    const number = /discrepancy (\d+)/.exec(source)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
}

describe("a file made to show a disagreement", () => {
  it.each(cases.filter((name) => name.startsWith("edge_")))(
    "%s is foreseen by the rule with its number",
    async (name) => {
      const expected = DISAGREEMENTS.find(([beginning]) => name.startsWith(beginning));
      expect(expected, `no disagreement is known for ${name}`).toBeDefined();
      expect(await disagreements(name)).toContain(expected![1]);
    },
  );

  it.each(DISAGREEMENTS.filter(([name]) => cases.includes(name)))(
    "%s is foreseen with number %i",
    async (name, number) => {
      expect(await disagreements(name)).toContain(number);
    },
  );
});

it("has cases made for the edges", () => {
  expect(cases.filter((name) => name.startsWith("edge_")).length).toBeGreaterThan(0);
});

const differing = cases.filter((name) => Number(reference.attribute(name, "netx_mismatches") ?? 0) > 0);

it.each(differing)("%s, which Lava runs otherwise than it was trained, has a finding with a number", async (name) => {
  expect((await disagreements(name)).length).toBeGreaterThan(0);
});

it("a pool that Lava refuses is found with the way out", async () => {
  const refused = cases.filter((name) => reference.attribute(name, "netx_error_unlowered") !== undefined);
  expect(refused.length).toBeGreaterThan(0);
  for (const name of refused) expect(await disagreements(name)).toContain(28);
});

it("a pool, rewritten, runs as Lava ran its lowered twin", async () => {
  const pools = cases.filter((name) => reference.attribute(name, "net_lowered") !== undefined);
  expect(pools.length).toBeGreaterThan(0);
  for (const name of pools) {
    const { net, changes } = fixNet(await readNet(fixture(...String(reference.attribute(name, "net")).split("/"))));
    expect(changes.map(({ rule }) => rule)).toContain("loihi/unsupported-layer");
    const { data, shape } = reference.array(`${name}/x`);
    const [steps = 0, samples = 0, ...frame] = shape;
    const size = frame.reduce((product, length) => product * length, 1);
    const first = Array.from({ length: steps }, (_, t) => [
      ...data.slice(t * samples * size, (t * samples + 1) * size),
    ]);
    const result = simulate(net, { shape: [steps, 1, ...frame], data: first.flat() }, { record: "raw" });
    expect([...result.output.data]).toEqual([...reference.array(`${name}/netx_out`).data]);
  }
});
