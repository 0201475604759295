/** The part of the page that says what each layer costs, as a run's directory leaves it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { QUANTIZATION_FILE, type QuantizationReport, writeQuantizationReport } from "../../src/quantize/index.ts";
import { REPORT_DATA_FILE, type ReportData, readRun, renderReport, writeReportData } from "../../src/report/index.ts";
import { errorOf, temporaryFolder } from "../error-of.ts";
import { sampleReportData } from "./sample-data.ts";
import { sampleQuantization } from "./sample-quantization.ts";

const folder = temporaryFolder();
const quantization = sampleQuantization("loihi", (plain) => plain);

/** The part, without the rest of the page. */
function part(report: QuantizationReport | undefined): string {
  const data = sampleReportData();
  const { quantization: _, ...first } = data.targets[0]!;
  const targets = [{ ...first, ...(report ? { quantization: report } : {}) }];
  const page = renderReport({ ...data, targets });
  const from = page.indexOf("<h3>What quantization costs</h3>");
  return from < 0 ? "" : page.slice(from, page.indexOf("<h3>What fitting and writing changed</h3>"));
}

const charts = (text: string) => [...text.matchAll(/<svg class="chart".*?<\/svg>/gs)].map(([chart]) => chart);
const descriptionOf = (chart: string) => /<desc>(.*?)<\/desc>/.exec(chart)![1]!;
const rowsOf = (text: string) =>
  [...text.matchAll(/<tr class="same">(.*?)<\/tr>/gs)].map(([, row]) =>
    [...row!.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map(([, cell]) => cell!.replace(/<[^>]+>/g, "")),
  );

describe("what quantization costs", () => {
  it("is a picture of points a layer, of accuracies before and after, and of flips at the end", () => {
    const [stages, costs, flips] = charts(part(quantization)).map(descriptionOf);
    expect(stages).toBe(
      "trained, in float: 97.61%. in the form the chip holds, in float: 97.5%. quantized, before fine-tuning: 96.42%. quantized, after fine-tuning: 97.13%.",
    );
    expect(costs).toBe("conv1: 1.25 points. conv2: -0.42 points. fc1: 0.00 points. together: 1.08 points.");
    expect(flips).toBe("conv1: 1.3%. conv2: 0.2%. fc1: 0%. together: 1.5%.");
  });

  it("is a table with a row for each layer", () => {
    expect(rowsOf(part(quantization))).toEqual([
      ["conv1", "Conv2d", "64", "70", "144", "0.12%", "1.25 points", "2.1%", "1.3%"],
      ["conv2", "Conv2d", "64", "70", "4,608", "0.12%", "-0.42 points", "0.04%", "0.2%"],
      ["fc1", "Linear", "64", "70", "32,768", "0.12%", "0.00 points", "0%", "0%"],
    ]);
  });

  it("says on what it was measured and chosen, what was cut off, and what changed before", () => {
    const text = part(quantization);
    for (const told of [
      "on 48 samples with {&quot;method&quot;:&quot;percentile&quot;",
      "Costs on 355 test samples (spikes: 64)",
      "Layer conv1 changes most of them.",
      "141 of 144 weights rounded to even steps, by at most 7.3 steps, 2 of them cut off",
      "batch norm folded into conv1 (16 numbers)</li>",
      "fires above its threshold instead of at it; this changes the function",
    ])
      expect(text.includes(told), told).toBe(true);
  });

  it("names the command that measures where nothing was measured, and leaves the costs out", () => {
    const layers = quantization.layers.map((layer) => ({ ...layer, cost: null }));
    const accuracy = { trained: null, folded: null, quantized: 0.9642, fineTuned: null };
    const text = part({ ...quantization, layers, accuracy, measured: null });
    expect(text).toContain("<code>spikeship quantize loihi CHECKPOINT --report</code>");
    expect(charts(text).map(descriptionOf)).toEqual(["quantized, before fine-tuning: 96.42%."]);
    expect(rowsOf(text)[0]).toEqual(["conv1", "Conv2d", "64", "70", "144", "0.12%"]);
  });

  it("is left out for a target that does not say it, and short where there was nothing to quantize", () => {
    expect(part(undefined)).toBe("");
    const text = part({ ...quantization, layers: [], changes: [], measured: null });
    expect(text).toContain("All layers held the chip's numbers already.");
    expect(text).not.toContain("<details>");
  });
});

describe("readRun", () => {
  function run(name: string, report: unknown): string {
    const directory = join(folder, name);
    mkdirSync(join(directory, "loihi"), { recursive: true });
    const data = sampleReportData();
    const targets = data.targets.map(({ quantization: _, ...target }) => target);
    writeReportData(join(directory, REPORT_DATA_FILE), { ...data, targets });
    if (report) writeFileSync(join(directory, "loihi", QUANTIZATION_FILE), JSON.stringify(report));
    return directory;
  }
  const fittedIn = (data: ReportData) => data.targets.map((target) => target.quantization);

  it("takes the report on a quantization from the folder of its target, as it was written", () => {
    const directory = run("fitted", null);
    expect(fittedIn(readRun(directory))).toEqual([undefined, undefined]);
    writeQuantizationReport(join(directory, "loihi"), quantization);
    expect(fittedIn(readRun(directory))).toEqual([quantization, undefined]);
  });

  it.each<[string, unknown, RegExp]>([
    [
      "a share above 1",
      { ...quantization, accuracy: { ...quantization.accuracy, fineTuned: 97 } },
      /fineTuned.*at most 1/,
    ],
    ["a misspelt field", { ...quantization, layer: [] }, /Did you mean "layers"/],
    ["another program's file", { hello: 1 }, /quantization\.json/],
  ])("refuses %s, naming the file and the field", (_, report, message) => {
    const error = errorOf(() => readRun(run("bad", report)));
    expect(error.code).toBe("FILE");
    expect(error.message).toContain(join("bad", "loihi", QUANTIZATION_FILE));
    expect(error.message).toMatch(message);
  });

  it("refuses the report of another target", () => {
    const error = errorOf(() => readRun(run("other", { ...quantization, target: "lynxi" })));
    expect(error.message).toContain('"lynxi" in a page on "loihi"');
  });
});
