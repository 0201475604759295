/** The growth measurement: its cases can be made and run, jumps are found where they are, and its drawing holds every figure. No timings. */
import { describe, expect, it } from "vitest";
import { benchmarkCases } from "../../benchmarks/cases.ts";
import { EXPONENT, findJumps, type GrowthPoint, growthCases, growthResultSchema } from "../../benchmarks/growth.ts";
import { growthPlot } from "../../benchmarks/growth-plot.ts";
import { measureCase } from "../../benchmarks/measure.ts";
import { DEFAULT_SIZES } from "../../benchmarks/sizes.ts";

const machine = { matmulGflops: 300, copyGBs: 20, cpu: "Model <1> & more", isa: "avx2", threads: 2 };

/** A series whose time and memory follow a rule. */
function series(axis: GrowthPoint["axis"], values: number[], rule: (value: number) => number): GrowthPoint[] {
  return values.map((value) => ({
    network: "csnn",
    mode: "train",
    axis,
    value,
    milliseconds: rule(value),
    peakMB: 100 * rule(value),
  }));
}

describe("the cases of the growth measurement", () => {
  it("go from 1 to 128 steps, 1 to 64 samples and 16 to 128 channels, for both networks, trained and not", () => {
    const cases = growthCases("full");
    const values = (axis: string) => [
      ...new Set(cases.filter((point) => point.axis === axis).map(({ value }) => value)),
    ];
    expect(values("steps")).toEqual([1, 2, 4, 8, 16, 32, 64, 128]);
    expect(values("batch")).toEqual([1, 2, 4, 8, 16, 32, 64]);
    expect(values("channels")).toEqual([16, 32, 64, 128]);
    expect(cases).toHaveLength((8 + 7 + 4) * 4);
  });

  it("change one size each and leave the others as the benchmark has them", () => {
    for (const { network, axis, value, sizes } of growthCases("full")) {
      const changed = Object.entries(sizes).filter(
        ([name, size]) => JSON.stringify(size) !== JSON.stringify(DEFAULT_SIZES[name as keyof typeof sizes]),
      );
      expect(changed.length, `${network} ${axis} ${value}`).toBeLessThanOrEqual(1);
      for (const [, size] of changed) expect([size].flat()).toContain(value);
    }
  });

  it("can all be made and run", async () => {
    for (const { name, sizes, axis, value } of growthCases("tiny")) {
      const benchmark = benchmarkCases(sizes).find((candidate) => candidate.name === name);
      expect(benchmark, name).toBeDefined();
      const { milliseconds } = await measureCase(benchmark!, { repeat: 1, seconds: 0, profile: false });
      expect(milliseconds, `${name}, ${axis} ${value}`).toHaveLength(1);
    }
  });
});

describe("jumps", () => {
  it("are not found in proportional growth, nor in the square of the channels", () => {
    expect(findJumps(series("steps", [1, 2, 4, 8], (value) => 3 * value))).toEqual([]);
    expect(findJumps(series("channels", [16, 32, 64], (value) => value ** EXPONENT.channels))).toEqual([]);
  });

  it("are not found where fixed costs make growth slower", () => {
    expect(findJumps(series("batch", [1, 2, 4, 64], (value) => 10 + value))).toEqual([]);
  });

  it("are found in time and in memory, by network, axis and place", () => {
    const points = series("batch", [1, 2, 4, 8], (value) => (value < 4 ? value : 10 * value));
    expect(findJumps(points)).toEqual([
      "csnn train batch 2 to 4: 20.0 times the time",
      "csnn train batch 2 to 4: 20.0 times the memory",
    ]);
  });

  it("are judged between neighbours, whatever the order of the points", () => {
    const points = series("steps", [1, 4, 2], (value) => value);
    expect(findJumps(points)).toEqual([]);
  });
});

describe("the drawing", () => {
  const points = growthCases("full").map(({ network, mode, axis, value }) => ({
    network,
    mode,
    axis,
    value,
    milliseconds: 0.5 * value,
    peakMB: axis === "steps" ? 0 : value,
  }));
  const result = growthResultSchema.parse({ machine, points, jumps: [] });

  it("is one well-formed SVG with a line for each series and no number that is none", () => {
    const svg = growthPlot(result);
    expect(svg.match(/class="line" style="[^"]+" d="M[\d. -]+L/g)).toHaveLength(2 * 3 * 4);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    expect(svg).toContain("Model &lt;1> &amp; more");
    const open = svg.match(/<(svg|g|text|style)\b/g)!.length;
    expect(svg.match(/<\/(svg|g|text|style)>/g)).toHaveLength(open);
  });

  it("says so where nothing was measured", () => {
    expect(growthPlot({ ...result, points: [] })).toContain("nothing was measured");
  });
});
