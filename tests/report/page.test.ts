/** The page as text: its story, its safety, its independence. */
import { describe, expect, it } from "vitest";
import { type ReportData, renderReport } from "../../src/report/index.ts";
import { DARK, LIGHT, type Palette } from "../../src/report/style.ts";
import { sampleReportData } from "./sample-data.ts";

const good = renderReport(sampleReportData());
const HOSTILE = `</title></style>"'><script>alert(1)</script><img src=x onerror=alert(1)>&lt;`;

/** WCAG 2.1, success criterion 1.4.3: contrast that text needs. */
const TEXT_CONTRAST = 4.5;
/** WCAG 2.1, success criterion 1.4.11: contrast that graphical objects need. */
const GRAPHICS_CONTRAST = 3;

/** Names of elements in order of their opening; throws where tags do not nest. */
function elementsOf(page: string): string[] {
  const open: string[] = [];
  const names: string[] = [];
  const body = page.replace(/<!doctype html>/, "").replace(/<style>.*?<\/style>/s, "<style></style>");
  for (const [tag, closing, name = "", selfClosing] of body.matchAll(
    /<(\/?)([a-z0-9]+)(?:\s+[a-zA-Z-]+="[^"]*"|\s+open)*\s*(\/?)>/g,
  )) {
    if (closing) {
      const expected = open.pop();
      if (expected !== name) throw new Error(`${tag} closes <${expected}>`);
    } else {
      names.push(name);
      if (!selfClosing && !["meta", "link", "br"].includes(name)) open.push(name);
    }
  }
  if (open.length > 0) throw new Error(`not closed: ${open.join(", ")}`);
  return names;
}

/** A failure names the text, not the whole page. */
function expectText(page: string, text: string): void {
  expect(page.includes(text), `the page has: ${text}`).toBe(true);
}

/** WCAG 2.1 contrast ratio of two colours `#rrggbb`. */
function contrast(a: string, b: string): number {
  const luminance = (color: string) => {
    const [r, g, bl] = [1, 3, 5].map((at) => {
      const value = Number.parseInt(color.slice(at, at + 2), 16) / 255;
      return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * bl!;
  };
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light! + 0.05) / (dark! + 0.05);
}

describe("renderReport", () => {
  it("is the same text for the same data", () => {
    expect(renderReport(sampleReportData()) === good).toBe(true);
  });

  it("nests its elements and gives every anchor a place", () => {
    expect(elementsOf(good)).toEqual(expect.arrayContaining(["header", "main", "nav", "section", "svg", "table"]));
    const ids = [...good.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, anchor] of good.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(anchor);
  });

  it("says first whether the contracts were kept", () => {
    expect(good.indexOf("Both chip files keep their contract.")).toBeLessThan(good.indexOf("<nav"));
    const bad = renderReport(sampleReportData({ broken: true }));
    expectText(bad, "1 of 2 chip files breaks its contract: Loihi.");
    expectText(bad, '<div class="verdict fail" role="status">');
    expect(/none may\. The first: step \d+, sample \d+, neuron \[[\d,]+\]/.test(bad)).toBe(true);
  });

  it("tells each part of the run", () => {
    const data = sampleReportData();
    for (const text of [
      data.title,
      data.machine,
      ...data.network.layers.map((layer) => layer.path),
      ...data.training.map((phase) => phase.title),
      ...data.confusion.map((matrix) => matrix.title),
      ...data.targets.flatMap(({ verdict, files, findings, lossy, commands, proven, notProven }) => [
        ...verdict.comparisons.map((comparison) => comparison.contract.statement),
        ...files.flatMap(({ path, sha256 }) => [path, sha256]),
        ...findings.flatMap(({ rule, message }) => [rule, message]),
        ...lossy.map(({ what }) => what),
        ...commands.map(({ command }) => command),
        ...proven,
        ...notProven,
      ]),
    ]) {
      expectText(good, text.replace(/'/g, "&#39;"));
    }
  });

  it("works without targets, samples, curves and matrices", () => {
    const bare: ReportData = { ...sampleReportData(), targets: [], sample: null, training: [], confusion: [] };
    const page = renderReport(bare);
    expectText(page, "No chip&#39;s file was checked.");
    elementsOf(page);
  });

  it("works with a target without a recorded sample, findings, changes and commands", () => {
    const data = sampleReportData();
    const [target] = data.targets;
    const page = renderReport({
      ...data,
      targets: [{ ...target!, sample: null, findings: [], lossy: [], commands: [], proven: [], notProven: [] }],
    });
    expectText(page, "The file for Loihi keeps its contract.");
    expectText(page, "No design rule of the chip was touched.");
    elementsOf(page);
  });

  it("escapes names from files everywhere", () => {
    const page = renderReport(sampleReportData({ name: (plain) => `${plain}${HOSTILE}` }));
    const names = elementsOf(page);
    expect(names).not.toContain("script");
    expect(names).not.toContain("img");
    expect(names.filter((name) => name === "style")).toHaveLength(1);
    expect(page.includes(HOSTILE)).toBe(false);
    expectText(page, "conv1&lt;/title&gt;&lt;/style&gt;&quot;&#39;&gt;&lt;script&gt;alert(1)");
  });

  it("refers to nothing outside of itself and runs no program", () => {
    expect(
      [...good.matchAll(/\b(?:href|src|srcset|action|data|poster|xlink:href)="([^"]*)"/g)].map((match) => match[1]!),
    ).toSatisfy(
      (targets: string[]) =>
        targets.length > 0 && targets.every((target) => target.startsWith("#") || target === "data:,"),
    );
    expect(
      /url\(|@import|https?:|<script|<iframe|<object|<embed|javascript:| on[a-z]+="/i.exec(good)?.[0],
    ).toBeUndefined();
    expectText(good, "default-src &#39;none&#39;");
  });
});

describe("colours", () => {
  const pairs: [string, string, number][] = [
    ...["ink", "soft", "trained", "differs", "good", "bad"].flatMap((text): [string, string, number][] => [
      [text, "paper", TEXT_CONTRAST],
      [text, "card", TEXT_CONTRAST],
    ]),
    ["ink", "good-paper", TEXT_CONTRAST],
    ["ink", "bad-paper", TEXT_CONTRAST],
    ["good", "good-paper", TEXT_CONTRAST],
    ["bad", "bad-paper", TEXT_CONTRAST],
    ["chip", "paper", GRAPHICS_CONTRAST],
    ["third", "paper", GRAPHICS_CONTRAST],
  ];

  it.each<[string, Palette]>([
    ["light", LIGHT],
    ["dark", DARK],
  ])("can be told apart in the %s scheme", (_name, palette) => {
    for (const [front, back, needed] of pairs) {
      expect(contrast(palette[front]!, palette[back]!), `${front} on ${back}`).toBeGreaterThanOrEqual(needed);
    }
  });
});
