/** The parts of the page about numbers behind the spikes and about the graph, and the charts they are made of. */
import { describe, expect, it } from "vitest";
import type { NumberReport } from "../../src/exporters/index.ts";
import { chainChart, histogramChart } from "../../src/report/charts/index.ts";
import { graphPart } from "../../src/report/sections/graph.ts";
import { numbersPart } from "../../src/report/sections/numbers.ts";
import { sampleReportData } from "./sample-data.ts";

const REPORT: NumberReport = {
  samples: 4,
  layers: [
    { layer: "dense", potentials: null, events: [{ kind: "subnormal", step: null, value: 3e-6, count: 12 }] },
    {
      layer: "fire",
      potentials: {
        threshold: 2,
        lowest: -7.5,
        highest: 3.25,
        count: 1000,
        histogram: [0, 1, 10, 500, 89],
        below: 300,
        above: 100,
        near: [
          { units: 1, count: 1 },
          { units: 4, count: 20 },
        ],
      },
      events: [{ kind: "stall", step: 3, value: 2048, count: 2 }],
    },
  ],
  findings: [],
};

describe("the part about numbers", () => {
  it("shows each firing layer's range, how close it comes to the threshold, and what float16 could not hold", () => {
    const { text } = numbersPart(REPORT)!;
    for (const shown of ["-7.5", "3.25", "0.1%", "2%", "within 1 unit", "within 4 units"])
      expect(text).toContain(shown);
    expect(text).toContain("30% lie further below, 10% further above.");
    expect(text).toContain("2048");
    expect(text).toContain("stood still");
    expect(text).toContain("lost bits near zero");
  });

  it("says so when nothing happened, and is absent without a report", () => {
    const calm = { ...REPORT, layers: REPORT.layers.map((layer) => ({ ...layer, events: [] })) };
    expect(numbersPart(calm)!.text).toContain("No result left the range");
    expect(numbersPart(undefined)).toBeNull();
  });
});

describe("a histogram", () => {
  it("draws one column for each bin that holds something, and marks a place", () => {
    const { text } = histogramChart({
      title: "H",
      label: "potential",
      interval: [0, 4],
      counts: [0, 1, 10, 500, 89],
      mark: { at: 2, name: "threshold" },
    });
    expect(text.match(/<rect class="fill"/g)).toHaveLength(4);
    expect(text).toContain("threshold");
    expect(text).not.toMatch(/NaN|Infinity/);
  });

  it("says so when nothing was recorded, and refuses counts that are no numbers", () => {
    const chart = { title: "H", label: "x", interval: [0, 1] as const, mark: { at: 0.5, name: "m" } };
    expect(histogramChart({ ...chart, counts: [0, 0] }).text).toContain("nothing was recorded");
    expect(() => histogramChart({ ...chart, counts: [Number.NaN] })).toThrow(/finite/);
  });
});

describe("the picture of a graph", () => {
  const boxes = Array.from({ length: 8 }, (_, i) => ({
    kind: i % 2 ? "neuron" : "conv",
    name: `layer${i}`,
    shape: "[4]",
    size: "1 node",
    spiking: i % 2 === 1,
  }));

  it("has a box for each layer, an arrow between neighbours, and fills those that fire", () => {
    const { text } = chainChart({ title: "G", boxes });
    expect(text.match(/<rect/g)).toHaveLength(boxes.length);
    expect(text.match(/class="axis"/g)).toHaveLength(boxes.length - 1);
    expect(text.match(/class="box spiking"/g)).toHaveLength(boxes.length / 2);
  });

  it("escapes what comes from a file", () => {
    const [first] = boxes;
    expect(chainChart({ title: "G", boxes: [{ ...first!, name: "<b>" }] }).text).not.toContain("<b>");
  });

  it("stands on the page beside the file in numbers, without its hash", () => {
    const [target] = sampleReportData().targets;
    const about: [string, string][] = [
      ["nodes", "104"],
      ["sha256", "abc123"],
    ];
    const { text } = graphPart({ ...target!, inspection: { about, layers: boxes } })!;
    expect(text).toContain("104");
    expect(text).not.toContain("abc123");
    expect(graphPart({ ...target!, inspection: undefined })).toBeNull();
  });
});
