/** What the emulator says of the numbers behind the spikes: potentials, distances, overflow, stalls and subnormals, by layer and step. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { NumberWatch } from "../../../src/exporters/lynxi/emulation/emulator-numbers.ts";
import { createLynxiTarget, openLynxi } from "../../../src/exporters/lynxi/index.ts";
import {
  ConstantEncoder,
  createNetwork,
  Flatten,
  IFNode,
  Linear,
  type Network,
  Sequential,
} from "../../../src/model/index.ts";
import { isPreparedForLynxi, prepareForLynxi } from "../../../src/quantize/index.ts";
import { Tensor } from "../../../src/tensor/index.ts";

const folder = mkdtempSync(join(tmpdir(), "spikeship-numbers-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const STEPS = 3;

/** Two inputs, two neurons that see one input each, times a weight. */
async function exported(name: string, weights: [number, number], vThreshold: number): Promise<string> {
  const linear = Linear({ inFeatures: 2, outFeatures: 2, bias: false });
  const network: Network = createNetwork({
    inputShape: [2],
    steps: STEPS,
    encoder: ConstantEncoder(),
    root: Sequential({ flat: Flatten(), dense: linear, fire: IFNode({ vThreshold, vReset: null }) }),
  });
  linear.setTensor("weight", Tensor.from(Float32Array.from([weights[0], 0, 0, weights[1]]), [2, 2]));
  const prepared = prepareForLynxi(network);
  const directory = join(folder, name);
  const target = createLynxiTarget({ prepare: prepareForLynxi, isPrepared: isPreparedForLynxi });
  await target.export(prepared, directory);
  prepared.dispose();
  network.dispose();
  return directory;
}

function numbersOf(directory: string, rows: number[][]) {
  const runtime = openLynxi(directory);
  try {
    const input = { form: "image" as const, shape: [rows.length, 2], data: Float32Array.from(rows.flat()) };
    return runtime.numbers!(input)!;
  } finally {
    runtime.close();
  }
}

describe("the numbers behind the spikes", () => {
  it("count every potential once, with its smallest and largest and its distance to the threshold", async () => {
    const { samples, layers, findings } = numbersOf(await exported("plain", [0.25, -1], 1), [
      [1, 1],
      [1, 0],
    ]);
    const fire = layers.find(({ layer }) => layer === "fire")!.potentials!;
    expect(samples).toBe(2);
    // potentials 0.25, 0.5, 0.75 in both samples; -1, -2, -3 in the first, 0 in the second
    expect(fire).toMatchObject({ threshold: 1, lowest: -3, highest: 0.75, count: 2 * STEPS * 2 });
    expect(fire.below).toBe(3);
    expect(fire.above).toBe(0);
    // a twentieth of the threshold wide: 0, 0.25, 0.5 and 0.75 begin bins 0, 5, 10 and 15
    expect([0, 5, 10, 15].map((bin) => fire.histogram[bin])).toEqual([3, 2, 2, 2]);
    expect(fire.histogram.reduce((sum, count) => sum + count, 0) + fire.below + fire.above).toBe(fire.count);
    expect(fire.near.every(({ count }) => count === 0)).toBe(true);
    expect(findings).toEqual([]);
  });

  it("see potentials within float16 units of the threshold", async () => {
    const just = 1 - 2 ** -11;
    const { layers } = numbersOf(await exported("near", [1, 1], 1), [[just, 0.99]]);
    const { near } = layers.find(({ layer }) => layer === "fire")!.potentials!;
    const within = (units: number) => near.find((place) => place.units === units)!.count;
    expect(within(1)).toBe(1);
    expect(within(16)).toBeGreaterThan(within(4));
  });

  it("name a potential that stands still, with the step and the value", () => {
    const watch = new NumberWatch([{ layer: "fire", nodes: ["add", "compare"], vThreshold: 1 }], STEPS, 1);
    const seen = (op: string, name: string, result: number[], ...inputs: number[][]) =>
      watch.see({
        node: { name, op, domain: "", inputs: [], outputs: [name], attributes: {} },
        rows: 1,
        calls: 1,
        result: () => Float32Array.from(result),
        input: (index) => Float32Array.from(inputs[index]!),
      });
    // step 0: sums that move, and one that loses less than a sixteenth of the threshold; then 2048 + 1 = 2048 in float16
    seen("Add", "add", [2049, 64], [2047, 0.03125], [2, 64]);
    seen("GreaterOrEqual", "compare", [1, 1], [2049, 64], [1]);
    seen("Add", "add", [2048, 3], [1, 2], [2048, 1]);
    expect(watch.numbers()).toMatchObject([
      { layer: "fire", events: [{ kind: "stall", step: 1, value: 2048, count: 1 }] },
    ]);
  });

  it("name results that leave float16, and results that lose bits near zero", async () => {
    const { layers, findings } = numbersOf(await exported("range", [3, 1], 1), [[40000, 2 ** -20]]);
    const events = layers.flatMap(({ layer, events: seen }) =>
      seen.map(({ kind, count, step }) => ({ layer, kind, count, step })),
    );
    expect(events).toContainEqual({ layer: "dense", kind: "overflow", count: 1, step: null });
    expect(events.some(({ layer, kind }) => layer === "dense" && kind === "subnormal")).toBe(true);
    expect(findings.find(({ severity }) => severity === "error")).toMatchObject({ rule: "LX012", place: "dense" });
    expect(findings.find(({ severity }) => severity === "note")!.message).toContain(`${2 ** -20}`);
  });
});
