/** The whole path through the real command line, on a network that trains in a second. */
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { openDataset, readNpy, sampleBatch, writeNpy } from "../../src/data/index.ts";
import { readSafetensors } from "../../src/model/index.ts";
import { temporaryFolder } from "../error-of.ts";
import { type Outcome, spikeship, spikeshipJson, tinyConfig } from "./program.ts";

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);
const config = at("tiny.json");
const trained = at("run", "float", "checkpoint.safetensors");
const exported = { loihi: at("run", "loihi", "export"), lynxi: at("run", "lynxi", "export") };
const files = { loihi: join(exported.loihi, "network.net"), lynxi: join(exported.lynxi, "graph.onnx") };
const targets = ["loihi", "lynxi"] as const;

const answer = z.looseObject({});
const printed: Record<string, z.infer<typeof answer>> = {};

beforeAll(async () => {
  writeFileSync(config, JSON.stringify(tinyConfig()));
  printed.train = answer.parse(await spikeshipJson(["train", config, "-o", at("run", "float")]));
  for (const target of targets) {
    printed[`quantize ${target}`] = answer.parse(await spikeshipJson(["quantize", target, trained]));
    const prepared = at("run", target, "checkpoint.safetensors");
    printed[`export ${target}`] = answer.parse(
      await spikeshipJson(["export", target, prepared, "-o", exported[target]]),
    );
  }
});

describe("train, quantize and export", () => {
  it("print as JSON the files they wrote", () => {
    expect(printed.train).toMatchObject({ checkpoint: trained, epochs: [{ epoch: 1 }, { epoch: 2 }] });
    for (const target of targets) {
      expect(printed[`quantize ${target}`]).toMatchObject({ checkpoint: at("run", target, "checkpoint.safetensors") });
      const { file, files: written } = printed[`export ${target}`] as { file: string; files: { path: string }[] };
      expect(join(exported[target], file)).toBe(files[target]);
      for (const { path } of written) expect(existsSync(join(exported[target], path)), path).toBe(true);
    }
  });

  it("quantizes on the way when a trained checkpoint is exported", async () => {
    const { code, out, err } = await spikeship(["export", "loihi", trained, "-o", at("direct")]);
    expect(err).toContain("without fine-tuning");
    expect(code).toBe(0);
    expect(existsSync(at("direct", "network.net"))).toBe(true);
    // nothing is rounded silently
    expect(out).toMatch(/^ {2}0: \d+ of 36 weights rounded to even steps/m);
    expect(out).toContain("fires above its threshold instead of at it");
    const report = JSON.parse(readFileSync(at("direct", "quantization.json"), "utf8"));
    expect(report).toMatchObject({ target: "loihi", calibrationSamples: 64, layers: [{ place: "0" }, { place: "3" }] });
  });

  it("hands options to the target and refuses those it does not know", async () => {
    const prepared = at("run", "lynxi", "checkpoint.safetensors");
    const wide = await spikeship(["export", "lynxi", prepared, "-o", at("batch"), "--option", "batch=2", "--json"]);
    expect(wide.code).toBe(0);
    expect(JSON.parse(readFileSync(at("batch", "manifest.json"), "utf8"))).toMatchObject({ N: 2 });
    const unknown = await spikeship(["export", "lynxi", prepared, "-o", at("never"), "--option", "bach=2"]);
    expect(unknown).toMatchObject({ code: 2, out: "" });
    expect(unknown.err).toContain('Did you mean "batch"?');
    expect(existsSync(at("never"))).toBe(false);
  });
});

describe("resume", () => {
  it("continues after a shorter run to the same weights as an unbroken one", async () => {
    await spikeshipJson(["train", config, "-o", at("parts"), "--epochs", "1"]);
    await spikeshipJson(["train", config, "-o", at("parts"), "--resume"]);
    const tensors = (path: string) => readSafetensors(path).tensors;
    expect(tensors(at("parts", "checkpoint.safetensors"))).toEqual(tensors(trained));
  });

  it("continues after Ctrl-C in the middle of the whole path to the same results", async () => {
    const long = at("long.json");
    const { training, ...rest } = tinyConfig();
    writeFileSync(long, JSON.stringify({ ...rest, training: { ...training, epochs: 6, batchSize: 16 } }));
    const whole = await spikeship(["demo", "-c", long, "-o", at("whole")]);
    expect(whole.code).toBe(0);
    const cut = await spikeship(["demo", "-c", long, "-o", at("cut")], { interruptAt: "epoch 2/6" });
    expect(cut.code).toBe(130);
    expect(cut.err).toContain("continue with --resume");
    expect(existsSync(at("cut", "summary.json"))).toBe(false);
    expect((await spikeship(["demo", "-c", long, "-o", at("cut"), "--resume"])).code).toBe(0);
    for (const file of ["loihi/export/network.net", "lynxi/export/graph.onnx"]) {
      expect(readFileSync(at("cut", file)).equals(readFileSync(at("whole", file))), file).toBe(true);
    }
  });
});

describe("verify", () => {
  it.each(targets)("proves the file for %s and says so in text, JSON and verdict.json", async (target) => {
    const text = await spikeship(["verify", exported[target], "--samples", "40"]);
    expect(text.code, text.out).toBe(0);
    expect(text.out).toContain("behaves as the network it was written from");
    const verdict = await spikeshipJson(["verify", exported[target], "--samples", "40", "--data", "digits"]);
    expect(verdict).toMatchObject({ format: "spikeship-verdict", target, passed: true });
    expect(JSON.parse(readFileSync(join(exported[target], "verdict.json"), "utf8"))).toEqual(verdict);
  });
});

describe("simulate", () => {
  const [samples, steps] = [3, 4];
  /** Three digits, held on for all steps: the dark pixels spike. */
  const digits = sampleBatch(openDataset({ kind: "digits" }).test, 0, samples).images;
  const spikes = Uint8Array.from({ length: samples * steps * 64 }, (_, i) =>
    digits[Math.floor(i / (steps * 64)) * 64 + (i % 64)]! > 0.3 ? 1 : 0,
  );
  const simulate = (target: (typeof targets)[number], input: string, output: string, ...more: string[]) =>
    spikeship(["simulate", files[target], "--input", at(input), "--output", at(output), ...more]);

  beforeAll(() => {
    const write = (name: string, shape: number[], data = spikes) => writeNpy(at(name), { dtype: "uint8", shape, data });
    write("batch.npy", [samples, steps, 1, 8, 8]);
    write("flat.npy", [samples, steps, 64]);
    write("single.npy", [steps, 1, 8, 8], spikes.subarray(0, steps * 64));
  });

  it("gives spikes [N,T,F] of a Loihi file, and the same for flat input and for one sample alone", async () => {
    for (const name of ["batch", "flat", "single"]) {
      const { code, err } = await simulate("loihi", `${name}.npy`, `${name}-out.npy`);
      expect(code, err).toBe(0);
    }
    const batch = readNpy(at("batch-out.npy"));
    expect(batch.shape).toEqual([samples, steps, 10]);
    expect(batch.data.some((value) => value === 1)).toBe(true);
    expect(readNpy(at("flat-out.npy"))).toEqual(batch);
    const single = readNpy(at("single-out.npy"));
    expect(single.shape).toEqual([steps, 10]);
    expect([...single.data]).toEqual([...batch.data.subarray(0, steps * 10)]);
  });

  it("runs as many steps as asked, and writes every layer's spikes", async () => {
    const { code, out } = await simulate(
      "loihi",
      "batch.npy",
      "longer.npy",
      "--steps",
      "6",
      "--layer-spikes",
      at("layers"),
      "--json",
    );
    expect(code).toBe(0);
    const { shape, layers } = JSON.parse(out) as { shape: number[]; layers: { path: string; spikes: number }[] };
    expect(shape).toEqual([samples, 6, 10]);
    expect(readNpy(at("longer.npy")).shape).toEqual(shape);
    expect(layers.map(({ path }) => path).sort()).toEqual(
      readdirSync(at("layers"))
        .map((name) => at("layers", name))
        .sort(),
    );
    for (const { path, spikes: count } of layers) {
      const { shape: sizes, data } = readNpy(path);
      expect(sizes.slice(0, 2)).toEqual([samples, 6]);
      expect(data.filter((value) => value !== 0).length).toBe(count);
    }
  });

  it("gives rates [N,F] of a Lynxi file, and [F] for one sample alone", async () => {
    expect((await simulate("lynxi", "batch.npy", "rates.npy")).code).toBe(0);
    expect((await simulate("lynxi", "single.npy", "rate.npy")).code).toBe(0);
    const rates = readNpy(at("rates.npy"));
    expect(rates).toMatchObject({ dtype: "float32", shape: [samples, 10] });
    const rate = readNpy(at("rate.npy"));
    expect(rate.shape).toEqual([10]);
    expect([...rate.data]).toEqual([...rates.data.subarray(0, 10)]);
  });

  it("agrees with itself: a Lynxi rate is the mean of that layer's spikes", async () => {
    await simulate("lynxi", "batch.npy", "rates.npy", "--layer-spikes", at("lynxi-layers"));
    const last = readNpy(at("lynxi-layers", readdirSync(at("lynxi-layers")).sort().at(-1)!));
    const rates = readNpy(at("rates.npy"));
    const count = (sample: number, neuron: number) =>
      Array.from({ length: steps }, (_, t) => last.data[(sample * steps + t) * 10 + neuron]!).reduce(
        (a, b) => a + b,
        0,
      );
    expect([...rates.data]).toEqual(Array.from(rates.data, (_, i) => count(Math.floor(i / 10), i % 10) / steps));
  });

  it("refuses another number of steps than the file fixes, unless it is asked to cut or fill", async () => {
    writeNpy(at("long.npy"), { dtype: "uint8", shape: [6, 64], data: new Uint8Array(6 * 64) });
    const refused = await simulate("lynxi", "long.npy", "never.npy");
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.err).toContain("expected 4 steps");
    expect((await simulate("lynxi", "long.npy", "cut.npy", "--steps", "4")).code).toBe(0);
    expect((await simulate("lynxi", "long.npy", "never.npy", "--steps", "5")).code).toBe(2);
    expect(existsSync(at("never.npy"))).toBe(false);
  });
});

describe("demo", () => {
  let run: Outcome;
  beforeAll(async () => {
    run = await spikeship(["demo", "-c", config, "-o", at("demo"), "--json"]);
  });

  it("leaves summary.json with the fields that other programs read, and prints the same", () => {
    expect(run.code, run.err).toBe(0);
    const share = z.number().min(0).max(1);
    const summary = z
      .strictObject({
        seconds: z.number().positive(),
        float: z.strictObject({ testAccuracy: share }),
        loihi: z.strictObject({
          preparedAccuracy: share,
          simulatedAccuracy: share,
          mismatchedSpikes: z.literal(0),
          file: z.string(),
        }),
        lynxi: z.strictObject({
          float32Agreement: share,
          float16Accuracy: share,
          predictionAgreement: share,
          flipRates: z.record(z.string(), share),
          file: z.string(),
        }),
        report: z.string(),
      })
      .parse(JSON.parse(readFileSync(at("demo", "summary.json"), "utf8")));
    expect(JSON.parse(run.out)).toEqual(summary);
    expect(summary.loihi.simulatedAccuracy).toBe(summary.loihi.preparedAccuracy);
    for (const path of [summary.loihi.file, summary.lynxi.file, summary.report])
      expect(existsSync(path), path).toBe(true);
  });

  it("leaves a page that `report` makes again from its data, byte for byte", async () => {
    const first = readFileSync(at("demo", "report.html"));
    const { code, out } = await spikeship(["report", at("demo"), "-o", at("again.html")]);
    expect({ code, out }).toEqual({ code: 0, out: `${at("again.html")}\n` });
    expect(readFileSync(at("again.html")).equals(first)).toBe(true);
  });
});

describe("what quantization costs", () => {
  const inPage = (path: string) => readFileSync(path, "utf8").includes("<h3>What quantization costs</h3>");

  it("is measured by the demo as by `quantize --report`, and stands on its page", async () => {
    const start = at("demo", "float", "checkpoint.safetensors");
    await spikeshipJson(["quantize", "loihi", start, "--report", "-o", at("again", "loihi")]);
    const [ofDemo, again] = ["demo", "again"].map((run) => readFileSync(at(run, "loihi", "quantization.json"), "utf8"));
    expect(ofDemo).toBe(again);
    expect(inPage(at("demo", "report.html"))).toBe(true);
    expect(existsSync(at("demo", "lynxi", "quantization.json"))).toBe(false);
  });

  it("is taken into the page by `report` when it was measured later, and shown by `inspect`", async () => {
    const directory = at("later");
    cpSync(at("demo"), directory, { recursive: true });
    const data = JSON.parse(readFileSync(join(directory, "report.json"), "utf8")) as { targets: object[] };
    const targets = data.targets.map((target) => ({ ...target, quantization: undefined }));
    writeFileSync(join(directory, "report.json"), JSON.stringify({ ...data, targets }));
    expect((await spikeship(["report", directory])).code).toBe(0);
    expect(inPage(join(directory, "report.html"))).toBe(true);
    const { code, out } = await spikeship(["inspect", join(directory, "loihi", "quantization.json")]);
    expect(code).toBe(0);
    expect(out).toContain("report on a quantization");
    expect(out).toMatch(/^ {2}3 +Linear +\d+ +360 /m);
  });
});

describe("check", () => {
  it("finds nothing to mend in the example", async () => {
    const findings = (await spikeshipJson(["check", "--target", "lynxi", config])) as { severity: string }[];
    expect(findings.filter(({ severity }) => severity !== "note")).toEqual([]);
  });
});

describe("a file that was changed after the export", () => {
  it("is found out for Loihi, with the first difference by name", async () => {
    const { readNet } = await import("../../src/exporters/lava/read.ts");
    const { writeNet } = await import("../../src/exporters/lava/write.ts");
    cpSync(exported.loihi, at("tampered"), { recursive: true });
    const path = at("tampered", "network.net");
    const net = await readNet(path);
    const dense = net.layers.findLast((layer) => layer.type === "dense");
    if (dense?.type !== "dense") throw new Error("expected a dense layer");
    // every weight of one output to the chip's largest: it fires whenever anything arrives
    dense.weight.data.fill(254, 0, dense.weight.shape[1]);
    await writeNet(net, path);
    const { code, out } = await spikeship(["verify", at("tampered"), "--samples", "40"]);
    expect(code, out).toBe(1);
    expect(out).toContain("BROKEN");
    expect(out).toMatch(/The first: step \d+, sample \d+, neuron \[0\]: trained 0, chip 1/);
    expect(out).toContain("changed after the export");
  });

  it("is found out for Lynxi", async () => {
    const { encodeOnnx, readOnnx } = await import("../../src/exporters/lynxi/index.ts");
    cpSync(exported.lynxi, at("tampered-lynxi"), { recursive: true });
    const path = at("tampered-lynxi", "graph.onnx");
    const { model } = readOnnx(path);
    const weights = model.initializers.filter(({ data }) => data instanceof Float32Array);
    const largest = weights.reduce((a, b) => (b.data.length > a.data.length ? b : a));
    (largest.data as Float32Array).fill(2);
    writeFileSync(path, encodeOnnx(model));
    const { code, out } = await spikeship(["verify", at("tampered-lynxi"), "--samples", "40"]);
    expect(code, out).toBe(1);
    expect(out).toMatch(/The first: step \d+, sample \d+, neuron \[\d+\]/);
  });
});
