/** docs/loihi.md keeps to the program: every disagreement has its row, every rule that it names exists, every picture is there. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { PROJECT_ROOT } from "../../fixture.ts";

const path = join(PROJECT_ROOT, "docs", "loihi.md");
const page = readFileSync(path, "utf8");
const folder = join(PROJECT_ROOT, "src", "exporters", "lava");
const source = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => readFileSync(join(folder, name), "utf8"))
  .join("\n");

describe("the page about Loihi", () => {
  it("has a row for each of the 34 disagreements, in order", () => {
    const numbers = [...page.matchAll(/^\| (\d+) \|/gm)].map(([, number]) => Number(number));
    expect(numbers).toEqual(Array.from({ length: 34 }, (_, i) => i + 1));
  });

  it("names only rules that exist", () => {
    const rules = [...new Set([...page.matchAll(/`loihi\/([a-z0-9-]+)`/g)].map(([, rule]) => rule!))];
    expect(rules.length).toBeGreaterThan(15);
    // some rules are made for both registers or with a prefix, so their name stands without it
    const unknown = rules.filter((rule) => !source.includes(`"${rule}"`) && !source.includes(`"loihi/${rule}"`));
    expect(unknown).toEqual([]);
  });

  it("gives each disagreement that a rule of files names a rule of that number's row", () => {
    const judged = [...source.matchAll(/rule: "([a-z-]+)", discrepancy: (\d+)/g)].map(([, rule, number]) => ({
      rule,
      number,
    }));
    expect(judged.length).toBeGreaterThan(10);
    const missing = judged.filter(({ rule, number }) => {
      const row = page.split("\n").find((line) => line.startsWith(`| ${number} |`)) ?? "";
      return !row.includes(`loihi/${rule}`);
    });
    expect(missing).toEqual([]);
  });

  it("shows pictures that are there, as images with a description", () => {
    const pictures = [...page.matchAll(/!\[([^\]]+)\]\(([^)]+)\)/g)];
    expect(pictures.length).toBeGreaterThanOrEqual(4);
    for (const [, description, file] of pictures) {
      expect(description!.length).toBeGreaterThan(10);
      const picture = join(dirname(path), file!);
      expect(existsSync(picture), file).toBe(true);
      expect(readFileSync(picture, "utf8")).toMatch(/role="img" aria-label="[^"]{20,}"/);
    }
  });
});
