/** The pictures: what is drawn, how it is announced, and what is refused. */
import { describe, expect, it } from "vitest";
import { type BarChart, barChart } from "../../src/report/charts/bars.ts";
import { confusionChart } from "../../src/report/charts/confusion.ts";
import { imageChart } from "../../src/report/charts/image.ts";
import { type LineChart, lineChart } from "../../src/report/charts/line.ts";
import { rasterChart } from "../../src/report/charts/raster.ts";
import type { Html } from "../../src/report/escape.ts";
import type { Raster } from "../../src/report/index.ts";

const count = (chart: Html, what: RegExp) => [...chart.text.matchAll(new RegExp(what, "g"))].length;
const texts = (chart: Html) => [...chart.text.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((match) => match[1]);

function line(ys: number[]): LineChart {
  const points = ys.map((y, i) => ({ x: i + 1, y }));
  return {
    title: "Loss",
    x: { label: "epoch", whole: true },
    y: { label: "loss", from: 0 },
    series: [{ name: "loss", tone: "trained", points }],
  };
}

describe("every chart", () => {
  it("is an image with a title and a description in words", () => {
    const chart = lineChart(line([0.4, 0.2])).text;
    expect(chart).toContain('role="img"');
    expect(chart).toContain("<title>Loss</title>");
    expect(chart).toContain("<desc>loss: from 0.4 at epoch 1 to 0.2 at 2.</desc>");
  });

  it("keeps inside its viewBox", () => {
    const chart = lineChart(line([0.4, 0.2, 0.9])).text;
    const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(chart)!.map(Number);
    const places = [...chart.matchAll(/[ML](-?[\d.]+) (-?[\d.]+)/g)].map((match) => [
      Number(match[1]),
      Number(match[2]),
    ]);
    expect(places.length).toBeGreaterThan(3);
    for (const [x, y] of places) {
      expect(x).toBeGreaterThanOrEqual(0);
      expect(x).toBeLessThanOrEqual(width!);
      expect(y).toBeGreaterThanOrEqual(0);
      expect(y).toBeLessThanOrEqual(height!);
    }
  });
});

describe("lineChart", () => {
  it("labels both axes and their ticks", () => {
    expect(texts(lineChart(line([0.1, 0.3, 0.2])))).toEqual(
      expect.arrayContaining(["loss", "epoch", "1", "2", "3", "0", "0.1", "0.3"]),
    );
  });

  it("draws the larger value higher", () => {
    const path = /class="stroke line" d="([^"]+)"/.exec(lineChart(line([1, 3])).text)![1]!;
    const [low, high] = [...path.matchAll(/[ML][\d.]+ ([\d.]+)/g)].map((match) => Number(match[1]));
    expect(high).toBeLessThan(low!);
  });

  it("draws a single point as a mark in the middle", () => {
    const chart = lineChart(line([0.5]));
    expect(count(chart, /<circle class="fill"/)).toBe(1);
    expect(texts(chart)).toContain("1");
  });

  it("says so when nothing was recorded", () => {
    expect(texts(lineChart(line([])))).toEqual(["nothing was recorded"]);
  });

  it("tells two series apart by more than colour and names them in a legend", () => {
    const points = [{ x: 1, y: 1 }];
    const chart = lineChart({
      ...line([]),
      series: [
        { name: "ours", tone: "trained", points },
        { name: "theirs", tone: "chip", dashed: true, points },
      ],
    });
    expect(chart.text).toContain('class="stroke dashed"');
    expect(chart.text).toMatch(/class="legend">.*ours<\/li>.*theirs<\/li>/);
  });

  it.each([Number.NaN, Number.NEGATIVE_INFINITY])("refuses %d and names itself", (y) => {
    expect(() => lineChart(line([1, y]))).toThrow(/chart "Loss": expected finite numbers/);
  });
});

describe("barChart", () => {
  const bars = (values: number[], name = "conv1"): BarChart => ({
    title: "Rates",
    label: "share",
    sides: [
      { name: "trained", tone: "trained" },
      { name: "chip", tone: "chip" },
    ],
    groups: values.map((value) => ({ name, values: [value, value / 2] })),
    format: String,
  });
  const widths = (chart: Html) =>
    [...chart.text.matchAll(/<rect class="fill"[^>]*width="([\d.]+)"/g)].map((match) => Number(match[1]));

  it("draws bars in proportion to their values", () => {
    const [whole, half] = widths(barChart(bars([0.8])));
    expect(half! / whole!).toBeCloseTo(0.5, 2);
  });

  it("draws nothing for zero, but writes it", () => {
    const chart = barChart(bars([0]));
    expect(widths(chart)).toEqual([0, 0]);
    expect(texts(chart)).toContain("0");
  });

  it("draws values below zero to the left of the axis, as long as those above it to the right", () => {
    const chart = barChart({ ...bars([0.4, -0.4]), sides: [{ name: "cost", tone: "chip" }] });
    const [above, below] = [...chart.text.matchAll(/<rect class="fill" x="([\d.]+)"[^>]*? width="([\d.]+)"/g)].map(
      ([, x, width]) => ({ from: Number(x), width: Number(width) }),
    );
    expect(below!.width).toBeCloseTo(above!.width, 1);
    expect(below!.width).toBeGreaterThan(0);
    expect(below!.from + below!.width).toBeCloseTo(above!.from, 1);
  });

  it("puts long names above their bars, so that they are not cut", () => {
    const chart = barChart(bars([1], "a.layer.with.a.very.long.path")).text;
    expect(chart).toContain('<text class="name" x="0"');
  });

  it("says so when there are no groups", () => {
    expect(texts(barChart(bars([])))).toEqual(["nothing was recorded"]);
  });

  it("refuses a value that is not finite", () => {
    expect(() => barChart(bars([Number.NaN]))).toThrow(/chart "Rates"/);
  });
});

describe("confusionChart", () => {
  const classes = ["cat", "dog"];

  it("separates right answers from mistakes and writes the counts", () => {
    const chart = confusionChart({
      title: "Answers",
      classes,
      counts: [
        [7, 0],
        [2, 5],
      ],
    });
    expect(count(chart, /class="right"/)).toBe(2);
    expect(count(chart, /class="wrong"/)).toBe(1);
    expect(texts(chart)).toEqual(expect.arrayContaining(["7", "2", "5", "cat", "dog"]));
    expect(chart.text).toContain("<desc>12 of 14 right. Most often, dog was taken for cat.</desc>");
  });

  it("draws a matrix without any sample", () => {
    const chart = confusionChart({
      title: "Answers",
      classes,
      counts: [
        [0, 0],
        [0, 0],
      ],
    });
    expect(count(chart, /class="cell"/)).toBe(4);
    expect(count(chart, /class="right"/)).toBe(0);
  });

  it("leaves out counts and some names when there are very many classes", () => {
    const many = Array.from({ length: 60 }, (_, i) => `${i}`);
    const chart = confusionChart({
      title: "Answers",
      classes: many,
      counts: many.map((_, i) => many.map((_, j) => (i === j ? 9 : 0))),
    });
    expect(count(chart, /class="count"/)).toBe(0);
    expect(texts(chart).length).toBeLessThan(60);
  });

  it("refuses a matrix that does not fit its classes, and counts that are none", () => {
    expect(() => confusionChart({ title: "A", classes, counts: [[1, 2]] })).toThrow(
      expect.objectContaining({ code: "SHAPE" }),
    );
    expect(() =>
      confusionChart({
        title: "A",
        classes,
        counts: [
          [1, Number.NaN],
          [0, 0],
        ],
      }),
    ).toThrow(/finite/);
  });
});

describe("rasterChart", () => {
  const raster: Raster = {
    layer: "fc",
    steps: 4,
    total: 300,
    differing: 1,
    neurons: [
      { index: 3, trained: [0, 2], chip: [0], differs: [2] },
      { index: 250, trained: [1], chip: [1], differs: [] },
    ],
    rates: { trained: [0, 0, 0, 0], chip: [0, 0, 0, 0] },
  };
  const spikes = (side: "trained" | "chip") =>
    / class="spikes [^"]*"[^>]* d="([^"]*)"/.exec(rasterChart(raster, side, side).text)![1]!;

  it("draws one tick for each spike of its side", () => {
    expect(spikes("trained").split("M").length - 1).toBe(3);
    expect(spikes("chip").split("M").length - 1).toBe(2);
  });

  it("marks a difference on both sides: full where that side fired, hollow where it did not", () => {
    const [ours, theirs] = [rasterChart(raster, "trained", "trained"), rasterChart(raster, "chip", "chip")];
    expect([count(ours, /class="mark"/), count(ours, /class="mark hollow"/)]).toEqual([1, 0]);
    expect([count(theirs, /class="mark"/), count(theirs, /class="mark hollow"/)]).toEqual([0, 1]);
  });

  it("numbers rows by their place in the layer and says how many of how many are shown", () => {
    const chart = rasterChart(raster, "trained", "trained");
    expect(texts(chart)).toEqual(expect.arrayContaining(["3", "time-step", "neuron"]));
    expect(chart.text).toContain("3 spikes of 2 of 300 neurons in 4 time-steps. 1 difference to the other side.");
  });

  it("thins what is too much for the page, and keeps what differs", () => {
    const neurons = Array.from({ length: 1000 }, (_, index) => ({
      index,
      trained: [0],
      chip: index === 777 ? [] : [0],
      differs: index === 777 ? [0] : [],
    }));
    const chart = rasterChart({ ...raster, total: 1000, neurons }, "chip", "chip");
    expect(count(chart, /class="mark hollow"/)).toBe(1);
    expect(chart.text.length).toBeLessThan(20_000);
  });

  it("draws a layer in which nothing is shown", () => {
    expect(rasterChart({ ...raster, neurons: [] }, "chip", "chip").text).toContain("0 spikes of 0 of 300");
  });
});

describe("imageChart", () => {
  const facts = { title: "Sample", description: "An image." };

  it("spreads values from black to white and leaves black to the paper", () => {
    const chart = imageChart({ ...facts, shape: [1, 1, 3], values: [-1, 0, 1] });
    expect([...chart.text.matchAll(/fill="(#[0-9a-f]+)"/g)].map((match) => match[1])).toEqual(["#808080", "#ffffff"]);
  });

  it("takes three channels as red, green and blue", () => {
    expect(imageChart({ ...facts, shape: [3, 1, 1], values: [1, 0, 0.5] }).text).toContain('fill="#ff0080"');
  });

  it("averages large images down", () => {
    const chart = imageChart({
      ...facts,
      shape: [1, 200, 200],
      values: Array.from({ length: 40_000 }, (_, i) => i % 7),
    });
    expect(count(chart, /<path fill/)).toBeLessThanOrEqual(48 * 48);
  });

  it("draws an image of one value as plain paper", () => {
    expect(count(imageChart({ ...facts, shape: [1, 2, 2], values: [3, 3, 3, 3] }), /<path fill/)).toBe(0);
  });

  it("refuses values that are not finite", () => {
    expect(() => imageChart({ ...facts, shape: [1, 1, 1], values: [Number.NaN] })).toThrow(/image "Sample"/);
  });
});
