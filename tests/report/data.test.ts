/** `report.json`: what is accepted, what is refused, and the choice of neurons for rasters. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LayerTrace } from "../../src/exporters/index.ts";
import {
  layerRaster,
  parseReportData,
  REPORT_DATA_FILE,
  REPORT_FILE,
  type ReportData,
  readReportData,
  renderReport,
  writeReport,
  writeReportData,
} from "../../src/report/index.ts";
import { sampleReportData } from "./sample-data.ts";

const data = sampleReportData();

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "spikeship-report-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("report.json", () => {
  it("gives the same page after it was written and read", () => {
    const path = join(folder, REPORT_DATA_FILE);
    writeReportData(path, data);
    expect(renderReport(readReportData(path)) === renderReport(data)).toBe(true);
  });

  it.each<[string, (d: ReportData) => unknown, RegExp]>([
    ["an unknown field", (d) => ({ ...d, titel: "x" }), /Did you mean "title"/],
    ["a number that is none", (d) => ({ ...d, seconds: Number.NaN }), /seconds/],
    ["another version", (d) => ({ ...d, version: 2 }), /version/],
    ["more right answers than samples", (d) => ({ ...d, score: { correct: 3, samples: 2 } }), /score\.correct/],
    [
      "a matrix that does not fit the classes",
      (d) => ({ ...d, confusion: [{ title: "x", counts: [[1]] }] }),
      /confusion\.0/,
    ],
    [
      "an image that does not fit its shape",
      (d) => ({ ...d, sample: { ...d.sample, image: { shape: [1, 2, 2], values: [1] } } }),
      /image/,
    ],
    ["a label beyond the classes", (d) => ({ ...d, sample: { ...d.sample, label: 10 } }), /sample\.label/],
    ["a spike after the last step", (d) => changeRaster(d, { trained: [99] }), /steps/],
    ["a neuron beyond its layer", (d) => changeRaster(d, { index: 1e9 }), /neurons/],
    [
      "rates for other classes",
      (d) => changeTarget(d, { sample: { ...d.targets[0]!.sample!, rates: { trained: [1], chip: [1] } } }),
      /rates/,
    ],
    [
      "a verdict that contradicts itself",
      (d) => changeTarget(d, { verdict: { ...d.targets[0]!.verdict, passed: false } }),
      /verdict\.passed/,
    ],
  ])("refuses %s and names the field", (_what, change, message) => {
    expect(() => parseReportData(change(data))).toThrow(message);
  });

  it("refuses a file that is no JSON or of another kind", () => {
    const path = join(folder, REPORT_DATA_FILE);
    writeFileSync(path, "{");
    expect(() => readReportData(path)).toThrow(expect.objectContaining({ code: "FILE" }));
    writeFileSync(path, "[]");
    expect(() => readReportData(path)).toThrow(expect.objectContaining({ code: "FILE" }));
  });

  function changeTarget(d: ReportData, change: Partial<ReportData["targets"][number]>): unknown {
    return { ...d, targets: [{ ...d.targets[0]!, ...change }] };
  }

  function changeRaster(d: ReportData, change: object): unknown {
    const sample = d.targets[0]!.sample!;
    const [first] = sample.layers;
    const layers = [{ ...first!, neurons: [{ ...first!.neurons[0]!, ...change }] }];
    return changeTarget(d, { sample: { ...sample, layers } });
  }
});

describe("writeReport", () => {
  it("leaves exactly the page, and the earlier page when the data is refused", () => {
    const path = join(folder, REPORT_FILE);
    writeReport(path, data);
    const before = readFileSync(path, "utf8");
    expect(before === renderReport(data)).toBe(true);
    expect(() => writeReport(path, { ...data, score: { correct: 2, samples: 1 } })).toThrow(/score/);
    expect(readFileSync(path, "utf8") === before).toBe(true);
    expect(readdirSync(folder)).toEqual([REPORT_FILE]);
  });
});

describe("layerRaster", () => {
  const trace = (shape: number[], data: number[]): LayerTrace => ({ layer: "fc", shape, data: Uint8Array.from(data) });

  it("takes one sample out of a batch, worked out by hand", () => {
    // Two steps, two samples, two neurons; of sample 1: step 0 is [1,0], step 1 is [0,1] against [1,1].
    const ours = trace([2, 2, 2], [0, 0, 1, 0, 0, 0, 0, 1]);
    const theirs = trace([2, 2, 2], [1, 1, 1, 0, 1, 1, 1, 1]);
    expect(layerRaster(ours, theirs, 1)).toEqual({
      layer: "fc",
      steps: 2,
      total: 2,
      differing: 1,
      neurons: [
        { index: 0, trained: [0], chip: [0, 1], differs: [1] },
        { index: 1, trained: [1], chip: [1], differs: [] },
      ],
      rates: { trained: [0.5, 0.5], chip: [0.5, 1] },
    });
  });

  it("keeps all that differ, then some that fire, before any that is silent, in order", () => {
    const ours = Array.from({ length: 100 }, (_, i) => (i % 10 === 0 ? 1 : 0));
    const theirs = ours.map((value, i) => (i === 55 ? 1 : value));
    const indices = layerRaster(trace([1, 1, 100], ours), trace([1, 1, 100], theirs), 0, 6).neurons.map(
      (neuron) => neuron.index,
    );
    expect(indices).toHaveLength(6);
    expect(indices).toContain(55);
    expect(indices.filter((index) => index !== 55).every((index) => index % 10 === 0)).toBe(true);
    expect(indices).toEqual([...indices].sort((a, b) => a - b));
  });

  it("refuses a sample that is not there and shapes that disagree", () => {
    const run = trace([1, 1, 2], [0, 0]);
    expect(() => layerRaster(run, run, 1)).toThrow(/layer "fc".*sample 1/);
    expect(() => layerRaster(run, trace([1, 2, 1], [0, 0]), 0)).toThrow(expect.objectContaining({ code: "SHAPE" }));
  });
});
