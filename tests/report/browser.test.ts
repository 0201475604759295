/** The page in a real browser: readable without a network, in both schemes, on wide and narrow screens. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderReport, writeReport } from "../../src/report/index.ts";
import { DARK, LIGHT } from "../../src/report/style.ts";
import { decodePng, type Picture } from "./png.ts";
import { sampleReportData } from "./sample-data.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
const CHROMIUM = (process.env.PATH ?? "")
  .split(delimiter)
  .flatMap((folder) => NAMES.map((name) => join(folder, name)))
  .find((path) => existsSync(path));

/** Quiet, alone, and unable to find any other machine. */
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--hide-scrollbars",
  "--host-resolver-rules=MAP * ~NOTFOUND",
];

const BROWSER_MILLISECONDS = 60_000;

/** A page with text and pictures has more colours than this, because of its smoothed edges; a blank one has one. */
const COLOURS_OF_A_PAGE = 50;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "spikeship-browser-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function browse(page: string, flags: string[]): string {
  const profile = mkdtempSync(join(folder, "profile-"));
  const all = [...FLAGS, `--user-data-dir=${profile}`, ...flags, pathToFileURL(page).href];
  return execFileSync(CHROMIUM!, all, {
    encoding: "utf8",
    timeout: BROWSER_MILLISECONDS,
    maxBuffer: 64 * 2 ** 20,
    stdio: ["ignore", "pipe", "ignore"],
  });
}

function screenshot(page: string, width: number, scheme: "light" | "dark"): Picture {
  const file = join(folder, `${width}-${scheme}.png`);
  browse(page, [
    `--window-size=${width},1200`,
    `--blink-settings=preferredColorScheme=${scheme === "dark" ? 0 : 1}`,
    `--screenshot=${file}`,
  ]);
  return decodePng(readFileSync(file));
}

/** Each colour `#rrggbb` with the share of the pixels that have it. */
function coloursOf({ pixels, channels }: Picture): Map<string, number> {
  const counts = new Map<string, number>();
  const weight = channels / pixels.length;
  for (let i = 0; i < pixels.length; i += channels) {
    const color = `#${Buffer.from(pixels.subarray(i, i + 3)).toString("hex")}`;
    counts.set(color, (counts.get(color) ?? 0) + weight);
  }
  return counts;
}

/** A page that holds the report in a frame of a given width, which a browser window cannot have, and measures it from outside. */
function measuringPage(report: string, width: number): string {
  const inner = report.replace(/&/g, "&amp;").replace(/"/g, "&quot;");
  const measure = `onload = () => {
    const { scrollWidth, clientWidth } = document.querySelector("iframe").contentDocument.documentElement;
    document.body.dataset.measured = clientWidth + " wide, " + (scrollWidth - clientWidth) + " over";
  }`;
  return `<!doctype html><body><iframe style="width:${width}px;height:900px;border:0" srcdoc="${inner}"></iframe><script>${measure}</script></body>`;
}

describe.skipIf(CHROMIUM === undefined)(
  CHROMIUM ? "the page in Chromium" : `the page in Chromium (skipped: none of ${NAMES.join(", ")} is on the PATH)`,
  () => {
    it("shows the story", () => {
      const page = join(folder, "report.html");
      writeReport(page, sampleReportData());
      const dom = browse(page, ["--dump-dom"]);
      for (const text of [
        "Both chip files keep their contract.",
        "What happened",
        "How it learned",
        "One sample, spike by spike",
        "</footer>",
      ]) {
        expect(dom.includes(text), text).toBe(true);
      }
      expect([...dom.matchAll(/<svg class="chart"/g)].length).toBeGreaterThan(20);
    });

    it("keeps hostile names as text", () => {
      const page = join(folder, "hostile.html");
      const hostile = `</title></style><script>document.title = "taken"</script><img src="x">`;
      writeReport(page, sampleReportData({ name: (plain) => `${plain}${hostile}` }));
      const dom = browse(page, ["--dump-dom"]);
      expect(/<script|<img/.exec(dom)?.[0]).toBeUndefined();
      expect(/<title>([^<]*)/.exec(dom)?.[1]).toContain("&lt;script&gt;");
      expect(dom.includes("</footer>")).toBe(true);
    });

    it.each([
      [1400, "light", LIGHT],
      [390, "dark", DARK],
    ] as const)("is painted %d pixels wide in the %s scheme", (width, scheme, palette) => {
      const page = join(folder, "painted.html");
      writeReport(page, sampleReportData());
      const picture = screenshot(page, width, scheme);
      expect(picture.width).toBe(width);
      const colours = coloursOf(picture);
      expect(colours.size).toBeGreaterThan(COLOURS_OF_A_PAGE);
      expect(colours.get(palette.paper!)).toBeGreaterThan(0.1);
      expect(colours.get(palette.paper!)).toBeLessThan(0.95);
      expect(colours.has(palette.good!)).toBe(true);
    });

    it.each([
      [360, "usual"],
      [360, "endless"],
      [800, "usual"],
      [1400, "endless"],
    ])("does not need to be scrolled sideways at %d pixels with %s names", (width, names) => {
      const page = join(folder, `measured-${width}-${names}.html`);
      const name = (plain: string) => (names === "usual" ? plain : `${plain}${"_W".repeat(60)}`);
      writeFileSync(page, measuringPage(renderReport(sampleReportData({ broken: true, name })), width));
      const dom = browse(page, ["--dump-dom"]);
      expect(/data-measured="([^"]*)"/.exec(dom)?.[1]).toBe(`${width} wide, 0 over`);
    });
  },
);
