/** The manifest beside a graph: what it says of both styles, and what it refuses to read. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Lowering, lowerGraph, readManifest } from "../../../src/exporters/lynxi/index.ts";
import { lowerStep } from "../../../src/exporters/lynxi/step/index.ts";
import { writeArtefact } from "../../../src/exporters/lynxi/write.ts";
import { errorOf, temporaryFolder } from "../../error-of.ts";
import { type StepPlan, stepGraph } from "./step-graphs.ts";

const folder = temporaryFolder();
const neuron = { kind: "IFNode", options: { vThreshold: 1, vReset: 0, detachReset: false } };
const plan: StepPlan = {
  steps: 4,
  form: "sequence",
  input: "maps",
  channels: 2,
  size: 4,
  neurons: [neuron, neuron, neuron],
  residual: "none",
  transposed: false,
  delay: 2,
  pool: false,
  batchNorm: false,
  voting: 1,
  rates: true,
  classes: 3,
  seed: 6,
};

async function manifestOf(name: string, lowering: Lowering) {
  const directory = join(folder, name);
  await writeArtefact(lowering, directory);
  return { path: join(directory, "manifest.json"), manifest: readManifest(join(directory, "manifest.json")) };
}

const rowsOf = (values: { name: string; layout: string }[]) =>
  Object.fromEntries(values.map(({ name, layout }) => [name, layout.split(",")[0]]));

describe("the manifest", () => {
  it("says which rows have a time: those of sequences and of layers between, not those of rates", async () => {
    const taps = ["spikes1"];
    const { manifest } = await manifestOf("rows", lowerGraph(stepGraph(plan), { batch: 2, taps }));
    expect(rowsOf(manifest.inputs)).toEqual({ x: "TN" });
    const [rates, between] = manifest.outputs.map(({ layout }) => layout.split(",")[0]);
    expect([rates, between]).toEqual(["N", "TN"]);
    const { manifest: sequence } = await manifestOf("spikes", lowerGraph(stepGraph(plan), { output: "spikes" }));
    expect(Object.values(rowsOf(sequence.outputs))).toEqual(["TN"]);
    const { manifest: step } = await manifestOf("step", lowerStep(stepGraph(plan), { batch: 2 }));
    expect(new Set(Object.values(rowsOf([...step.inputs, ...step.outputs])))).toEqual(new Set(["N"]));
  });

  it("describes states of neurons, of a delay with all that waits in it, and of the sum of the outputs", async () => {
    const { manifest } = await manifestOf("states", lowerStep(stepGraph(plan), { batch: 2 }));
    expect(manifest.states!.map(({ layer, input, shape }) => [layer, input, shape])).toEqual([
      ["spikes1", "v1", [2, 2, 4, 4]],
      ["delay", "v2", [4, 2, 4, 4]],
      ["spikes3", "v3", [2, 3]],
      ["acc", "acc", [2, 3]],
    ]);
    expect(manifest.readout).toBe("last-step");
    expect(manifest.inputs.map(({ name, shape }) => [name, shape]).slice(1)).toEqual(
      manifest.states!.map(({ input, shape }) => [input, shape]),
    );
    const { manifest: sequence } = await manifestOf("every", lowerStep(stepGraph({ ...plan, rates: false })));
    expect(sequence.readout).toBe("every-step");
    expect(sequence.states!.map(({ input }) => input)).toEqual(["v1", "v2", "v3"]);
  });

  it("carries the report of the rules and every rounding", async () => {
    const { manifest } = await manifestOf("report", lowerGraph(stepGraph(plan)));
    expect(manifest.findings.every(({ severity }) => severity !== "error")).toBe(true);
    for (const { rule, source } of manifest.findings) expect([rule, source.length > 0]).toEqual([rule, true]);
    const third = { ...neuron, options: { ...neuron.options, vThreshold: 1 / 3 } };
    const rounded = stepGraph({ ...plan, neurons: [third, neuron, neuron] });
    const { manifest: lossy } = await manifestOf("lossy", lowerStep(rounded));
    expect(lossy.lossy).toMatchObject([
      { place: expect.stringContaining("spikes1"), what: "rounded to float16", count: 1 },
    ]);
  });

  it("is refused with an unknown style, a state without its start, and no JSON", async () => {
    const { path } = await manifestOf("refused", lowerStep(stepGraph(plan)));
    const text = readFileSync(path, "utf8");
    for (const [from, to] of [
      ['"single-step"', '"stepwise"'],
      ['"start": 0', '"begin": 0'],
      ["{", "["],
    ] as const) {
      writeFileSync(path, text.replace(from, to));
      expect(errorOf(() => readManifest(path)).code, from).toBe("FILE");
    }
  });
});
