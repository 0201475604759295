/** Artefacts of single steps: what is written, and that they run, are checked and refused like those of whole sequences. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { RandomStream, sha256 } from "../../../src/core/index.ts";
import { fromFloat16Bits } from "../../../src/exporters/lynxi/emulation/float16.ts";
import { createLynxiTarget, openLynxi, readManifest } from "../../../src/exporters/lynxi/index.ts";
import type { ChipInput } from "../../../src/exporters/target.ts";
import {
  ConstantEncoder,
  Conv2d,
  createNetwork,
  Flatten,
  IFNode,
  LIFNode,
  Linear,
  MaxPool2d,
  type Network,
  ParametricLIFNode,
  PoissonEncoder,
  Sequential,
} from "../../../src/model/index.ts";
import { isPreparedForLynxi, prepareForLynxi } from "../../../src/quantize/index.ts";
import { Tensor } from "../../../src/tensor/index.ts";
import { errorOf, temporaryFolder } from "../../error-of.ts";
import { dyadicInput } from "./graphs.ts";

const target = createLynxiTarget({ prepare: prepareForLynxi, isPrepared: isPreparedForLynxi });
const folder = temporaryFolder();
const STEPS = 4;

function network(encoder = ConstantEncoder(), vReset: number | null = -0.03125): Network {
  return createNetwork(
    {
      inputShape: [1, 8, 8],
      steps: STEPS,
      encoder,
      root: Sequential({
        conv: Conv2d({ inChannels: 1, outChannels: 4, kernelSize: 3, padding: 1 }),
        spikes1: IFNode({ vThreshold: 0.25, vReset }),
        pool: MaxPool2d({ kernelSize: 2 }),
        flatten: Flatten(),
        hidden: Linear({ inFeatures: 64, outFeatures: 16 }),
        spikes2: LIFNode({ tau: 2, decayInput: false, vThreshold: 0.0625, vReset: null }),
        head: Linear({ inFeatures: 16, outFeatures: 5, bias: false }),
        spikes3: ParametricLIFNode({ initTau: 2, vThreshold: 0.03125, vReset }),
      }),
    },
    11,
  );
}

async function exported(name: string, options: Record<string, unknown>, encoder = ConstantEncoder()): Promise<string> {
  const directory = join(folder, name);
  const made = network(encoder);
  const prepared = target.prepare(made, {});
  await target.export(prepared, directory, options).finally(() => {
    prepared.dispose();
    made.dispose();
  });
  return directory;
}

const images = (samples: number): ChipInput => ({
  form: "image",
  shape: [samples, 1, 8, 8],
  data: dyadicInput(samples * 64, 17),
});

function spikeTrains(samples: number): ChipInput {
  const data = dyadicInput(STEPS * samples * 64, 3).map((value) => Number(value > 0.5));
  return { form: "sequence", shape: [STEPS, samples, 1, 8, 8], data };
}

function halves(path: string): Float32Array {
  const raw = readFileSync(path);
  return fromFloat16Bits(new Uint16Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length)));
}

function predicted(side: Network, input: ChipInput): number[] {
  const samples = Tensor.from(input.data, input.shape);
  const rates = side.predict(samples, new RandomStream(0));
  const numbers = Array.from(rates.toArray() as Float32Array);
  rates.dispose();
  samples.dispose();
  return numbers;
}

describe("an artefact of a single step", () => {
  it("runs over time with its states, and gives what the whole sequence gives, layer by layer", async () => {
    for (const [form, encoder, input] of [
      ["image", ConstantEncoder(), images(7)],
      ["sequence", PoissonEncoder(), spikeTrains(7)],
    ] as const) {
      const whole = openLynxi(await exported(`${form}-whole`, {}, encoder));
      for (const style of ["single-step", "single-step-torch"]) {
        const step = openLynxi(await exported(`${form}-${style}`, { style, batch: 2 }, encoder));
        expect(step).toMatchObject({ steps: STEPS, inputForm: form, inputShape: [1, 8, 8] });
        for (const mode of ["chip", "float32"] as const) {
          const [expected, got] = [
            await whole.run(input, { mode, layers: true }),
            await step.run(input, { mode, layers: true }),
          ];
          expect(got, `${form} ${style} ${mode}`).toEqual(expected);
          expect(got.rates.some((rate) => rate > 0)).toBe(true);
        }
      }
    }
  });

  it("gives the rates of the prepared network in float16, and of the unrounded one in float32", async () => {
    const made = network();
    const prepared = target.prepare(made, {});
    const directory = join(folder, "prepared");
    await target.export(prepared, directory, { style: "single-step" });
    const { plans, dispose } = target.comparisons(prepared);
    const runtime = await target.open(directory);
    for (const { network: side, mode } of plans.slice(0, 2)) {
      const { rates } = await runtime.run(images(12), { mode });
      expect(Array.from(rates), mode).toEqual(predicted(side, images(12)));
      expect(rates.some((rate) => rate > 0)).toBe(true);
    }
    dispose();
    prepared.dispose();
    made.dispose();
  });

  it("describes every state in the manifest: ends, shape, type and start", async () => {
    const manifest = readManifest(join(await exported("states", { style: "single-step" }), "manifest.json"));
    expect(manifest).toMatchObject({ style: "single-step", readout: "last-step", form: "image", T: STEPS, N: 1 });
    const state = (layer: string, input: string, shape: number[]) => ({
      layer,
      input,
      output: `${input}_out`,
      shape,
      type: "float32",
      start: 0,
    });
    expect(manifest.states).toEqual([
      state("spikes1", "v1", [1, 4, 8, 8]),
      state("spikes2", "v2", [1, 16]),
      state("spikes3", "v3", [1, 5]),
      state("acc", "acc", [1, 5]),
    ]);
    expect(manifest.inputs.map(({ name }) => name)).toEqual(["x", "v1", "v2", "v3", "acc"]);
    expect(manifest.outputs.map(({ name }) => name)).toEqual(["y", "v1_out", "v2_out", "v3_out", "acc_out"]);
    expect(manifest.module).toBeUndefined();
  });

  it("names every file by hash, with module and weights where the states stay on the chip", async () => {
    const directory = await exported("files", { style: "single-step-torch" });
    const manifest = readManifest(join(directory, "manifest.json"));
    const files = readdirSync(directory).filter((name) => name !== "manifest.json");
    expect(files).toContain(manifest.module!.file);
    expect(files).toContain(manifest.module!.weights);
    expect(Object.keys(manifest.sha256).sort()).toEqual(files.sort());
    for (const name of files) expect(manifest.sha256[name], name).toBe(sha256(readFileSync(join(directory, name))));
  });

  it("keeps the rules that judge states and modules, read back from disk", async () => {
    for (const style of ["single-step", "single-step-torch"]) {
      const directory = await exported(`rules-${style}`, { style });
      const findings = await target.checkFile!(join(directory, "graph.onnx"));
      expect(findings.filter(({ severity }) => severity === "error")).toEqual([]);
      const unjudged = findings.filter(({ message }) => message.startsWith("not judged")).map(({ rule }) => rule);
      expect(unjudged).not.toContain("LX026");
      if (style === "single-step-torch") expect(unjudged).not.toContain("LX027");
    }
  });

  it("breaks a rule when the module's text no longer keeps its states", async () => {
    const directory = await exported("broken-module", { style: "single-step-torch" });
    const path = join(directory, "module_lynxi.py");
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replace(/v2 = save\(.*\n/, ""));
    const findings = await target.checkFile!(join(directory, "graph.onnx"));
    expect(findings).toContainEqual(expect.objectContaining({ rule: "LX027", severity: "error", place: "spikes2" }));
  });

  it("comes with a golden pair of all steps that its program reproduces", async () => {
    const directory = await exported("golden", { style: "single-step", batch: 2 }, PoissonEncoder());
    const [input, output] = [halves(join(directory, "input.bin")), halves(join(directory, "output.bin"))];
    expect([input.length, output.length]).toEqual([STEPS * 2 * 64, STEPS * 2 * 5]);
    const { rates } = await openLynxi(directory).run({ form: "sequence", shape: [STEPS, 2, 1, 8, 8], data: input });
    expect(Array.from(output.subarray((STEPS - 1) * 2 * 5))).toEqual(Array.from(rates));
  });

  it("gives the same files every time", async () => {
    const [one, other] = [
      await exported("same1", { style: "single-step-torch" }),
      await exported("same2", { style: "single-step-torch" }),
    ];
    for (const name of readdirSync(one))
      expect(readFileSync(join(one, name)).equals(readFileSync(join(other, name))), name).toBe(true);
  });
});

describe("the style of an export", () => {
  it("may be named by its letter", async () => {
    for (const [letter, style] of [
      ["W", "whole-sequence"],
      ["S-onnx", "single-step"],
      ["S-torch", "single-step"],
    ]) {
      const manifest = readManifest(join(await exported(`letter-${letter}`, { style: letter }), "manifest.json"));
      expect([manifest.style, manifest.module !== undefined]).toEqual([style, letter === "S-torch"]);
    }
  });

  it("is refused when unknown, and with copies of a batch, whose states nothing tells apart", async () => {
    await expect(exported("unknown", { style: "stepwise" })).rejects.toMatchObject({ code: "OPTION" });
    await expect(exported("copies", { style: "single-step", runBatch: 2 })).rejects.toMatchObject({
      code: "OPTION",
      message: expect.stringContaining("runBatch"),
    });
  });

  it("of a single step cannot be run without the manifest, and says so", async () => {
    const directory = await exported("alone", { style: "single-step" });
    rmSync(join(directory, "manifest.json"));
    expect(errorOf(() => openLynxi(join(directory, "graph.onnx"))).message).toContain("manifest");
  });
});
