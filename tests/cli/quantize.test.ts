/**
 * `quantize` as a user runs it, on digits and a network with batch norms and average pools: one command from the trained float network to a
 * proven file, a report on which layer costs what, and clear words for wrong use.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { quantizationText } from "../../src/cli/quantize/report-text.ts";
import type { QuantizationReport } from "../../src/quantize/index.ts";
import { temporaryFolder } from "../error-of.ts";
import { type Outcome, spikeship, spikeshipJson, tinyConfig } from "./program.ts";

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);
const trained = at("run", "float", "checkpoint.safetensors");
const report = at("run", "loihi", "quantization.json");

/** What fine-tuning may cost: 1 point, as on MNIST. */
const POINT = 0.01;

const neuron = { kind: "IFNode", surrogate: { kind: "ATan" } };
const conv = { kind: "Conv2d", kernelSize: 3, padding: 1, bias: false };
const tuning = (epochs: number, learningRate: number) => ({
  epochs,
  batchSize: 32,
  optimizer: { kind: "adam", learningRate },
  schedule: { kind: "cosine", minimum: 0.00001 },
});

/** 2000 weights, with all that an ordinary network has and Loihi has not. */
function digitsConfig() {
  const { network, ...rest } = tinyConfig();
  const members = [
    { ...conv, inChannels: 1, outChannels: 8 },
    { kind: "BatchNorm2d", numFeatures: 8 },
    neuron,
    { kind: "AvgPool2d", kernelSize: 2 },
    { ...conv, inChannels: 8, outChannels: 16 },
    { kind: "BatchNorm2d", numFeatures: 16 },
    neuron,
    { kind: "AvgPool2d", kernelSize: 2 },
    { kind: "Flatten" },
    { kind: "Linear", inFeatures: 64, outFeatures: 10, bias: false },
    neuron,
  ];
  return {
    ...rest,
    name: "digits-norms",
    seed: 1,
    network: { ...network, steps: 8, root: { kind: "Sequential", layers: members } },
    training: tuning(6, 0.006),
    targets: { loihi: { training: tuning(2, 0.0005) } },
  };
}

const share = z.number().min(0).max(1);
const answerSchema = z.looseObject({
  checkpoint: z.string(),
  report: z.looseObject({
    accuracy: z.strictObject({ trained: share, folded: share, quantized: share, fineTuned: share }),
    layers: z.array(z.looseObject({ place: z.string(), cost: z.looseObject({ accuracyLost: z.number() }) })),
  }),
  artefact: z.looseObject({ file: z.string() }),
  verdict: z.looseObject({ passed: z.boolean() }),
});

let answer: z.infer<typeof answerSchema>;

beforeAll(async () => {
  writeFileSync(at("digits.json"), JSON.stringify(digitsConfig()));
  await spikeshipJson(["train", at("digits.json"), "-o", at("run", "float")]);
  const args = ["quantize", "--target", "loihi", trained, "--report", "--verify"];
  answer = answerSchema.parse(await spikeshipJson(args));
}, 120_000);

describe("one command", () => {
  it("makes a verified file of a float network with batch norms and average pools, at a cost of at most a point", () => {
    const { accuracy } = answer.report;
    expect(accuracy.fineTuned).toBeGreaterThanOrEqual(accuracy.trained - POINT);
    expect(answer.verdict.passed).toBe(true);
    expect(existsSync(at("run", "loihi", "export", answer.artefact.file))).toBe(true);
    expect(existsSync(at("run", "loihi", "export", "verdict.json"))).toBe(true);
  });

  it("leaves a report beside the checkpoint: all that was folded, merged and rounded, and what each layer costs", () => {
    const written = JSON.parse(readFileSync(report, "utf8")) as QuantizationReport;
    expect(written).toEqual(answer.report);
    expect(written.layers.map(({ place, synapse }) => [place, synapse])).toEqual([
      ["0", "Conv2d"],
      ["4", "Conv2d"],
      ["9", "Linear"],
    ]);
    for (const { place, cost, rounded, weights } of written.layers) {
      expect(cost!.accuracy, place).toBeCloseTo(written.accuracy.folded! - cost!.accuracyLost, 9);
      expect(cost!.flips, place).toBeGreaterThanOrEqual(0);
      expect(rounded, place).toBeLessThanOrEqual(weights);
    }
    expect(written.measured!.all.accuracy).toBe(written.accuracy.quantized);
    const places = (pattern: RegExp) =>
      written.changes.filter(({ what }) => pattern.test(what)).map(({ place, count }) => [place, count]);
    expect(places(/batch norm folded/)).toEqual([
      ["1", 8],
      ["5", 16],
    ]);
    expect(places(/mean over a window/)).toEqual([
      ["3", 1],
      ["7", 1],
    ]);
  });

  it("gives the folded network the accuracy of the trained one", () => {
    // the same spikes but for ties in the last bit of a float sum: at most one sample of 355
    const { trained: before, folded } = answer.report.accuracy;
    expect(Math.abs(folded - before)).toBeLessThan(0.003);
  });
});

describe("the report as text", () => {
  let only: Outcome;
  beforeAll(async () => {
    only = await spikeship(["quantize", "loihi", trained, "--report", "--epochs", "0", "-o", at("only")]);
  });

  it("says without fine-tuning which layer costs what", () => {
    expect(only.code, only.err).toBe(0);
    expect(only.out).toMatch(/^ {2}layer +synapse +scale +threshold +weights +error +costs +flips +output flips$/m);
    for (const [place, synapse] of [
      ["0", "Conv2d"],
      ["4", "Conv2d"],
      ["9", "Linear"],
    ]) {
      const row = `^  ${place} +${synapse} +\\d+ +\\d+ +\\d+ +[\\d.]+% +-?\\d+\\.\\d\\d points +[\\d.]+% +[\\d.]+%$`;
      expect(only.out).toMatch(new RegExp(row, "m"));
    }
    expect(only.out).toMatch(/All layers together cost -?[\d.]+ points; [\d.]+% of the last layer's spikes differ\./);
    expect(only.out).not.toContain("after fine-tuning");
    expect(only.out).toContain('batch norm folded into Conv2d "0"');
    expect(only.out).toMatch(/^ {2}9: \d+ of 640 weights rounded to even steps, by at most [\d.]+ steps/m);
  });

  it("is the text of the JSON", () => {
    const written = JSON.parse(readFileSync(at("only", "quantization.json"), "utf8")) as QuantizationReport;
    expect(only.out.startsWith(quantizationText(written))).toBe(true);
    expect(written.accuracy.fineTuned).toBeNull();
    // same network, same samples: the same costs as in the run with fine-tuning
    expect(written.layers).toEqual(answer.report.layers);
  });

  it("has no costs where none were measured, and says when there was nothing to quantize", () => {
    const written = JSON.parse(readFileSync(report, "utf8")) as QuantizationReport;
    const unmeasured = { ...written, measured: null, layers: written.layers.map((l) => ({ ...l, cost: null })) };
    const text = quantizationText(unmeasured);
    expect(text).toMatch(/^ {2}layer +synapse +scale +threshold +weights +error$/m);
    expect(text).not.toMatch(/points|test samples/);
    expect(quantizationText({ ...unmeasured, layers: [], changes: [] })).toContain(
      "All of them held the chip's numbers already.",
    );
  });
});

describe("its options", () => {
  it("--export writes the file without running it", async () => {
    const { code, out, err } = await spikeship([
      "quantize",
      "loihi",
      trained,
      "--epochs",
      "0",
      "--export",
      "-o",
      at("e"),
    ]);
    expect(code, err).toBe(0);
    expect(out).toContain("network.net");
    expect(existsSync(at("e", "export", "network.net"))).toBe(true);
    expect(existsSync(at("e", "export", "verdict.json"))).toBe(false);
  });

  it("prepare as the config says, in every way of choosing scales", async () => {
    const config = digitsConfig();
    for (const prepare of [
      { method: "max", threshold: "fit", biasCorrection: "all" },
      { method: "percentile", percentile: 99, biasCorrection: "none" },
      { scale: 64 },
    ]) {
      Object.assign(config.targets.loihi, { prepare });
      writeFileSync(at("other.json"), JSON.stringify(config));
      const args = [
        "quantize",
        "loihi",
        trained,
        "-c",
        at("other.json"),
        "--epochs",
        "0",
        "-o",
        at("other"),
        "--verify",
      ];
      const printed = z
        .looseObject({
          verdict: z.looseObject({ passed: z.boolean() }),
          report: z.looseObject({ options: z.unknown() }),
        })
        .parse(await spikeshipJson(args));
      expect(printed.report.options).toEqual(prepare);
      expect(printed.verdict.passed, JSON.stringify(prepare)).toBe(true);
    }
  });

  const wrong: [string, string[], string][] = [
    ["a target named twice", ["quantize", "loihi", trained, "-t", "loihi"], "expected a target and a checkpoint"],
    ["no target", ["quantize", trained], "Write: spikeship quantize loihi CHECKPOINT"],
    [
      "a report on Lynxi",
      ["quantize", "lynxi", trained, "--report"],
      "expected a target whose layers can be quantized",
    ],
  ];
  it.each(wrong)("are refused with a way out: %s", async (_, args, message) => {
    const { code, out, err } = await spikeship(args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(message);
  });
});
