/** The house rule of ARCHITECTURE.md: imports go one way, and folders are entered by their front door. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { PROJECT_ROOT } from "./fixture.ts";

const ORDER = [
  "core",
  "kernels",
  "tensor",
  "model",
  "data",
  "train",
  "quantize",
  "exporters",
  "verify",
  "report",
  "cli",
];
const SOURCE = join(PROJECT_ROOT, "src");

function sourceFiles(): string[] {
  return readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(SOURCE, file), "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?"(\.[^"]+)"/g)].map((match) =>
    relative(SOURCE, join(SOURCE, file, "..", match[1]!)),
  );
}

describe("imports", () => {
  it("go from right to left along core < kernels < tensor < model < data < train < quantize < exporters < verify < report < cli", () => {
    const wrong = sourceFiles().flatMap((file) => {
      const from = ORDER.indexOf(file.split("/")[0]!);
      if (from < 0) return [];
      return importsOf(file)
        .filter((target) => ORDER.indexOf(target.split("/")[0]!) > from)
        .map((target) => `${file} imports ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  it("enter another folder through its index, or a single-purpose door beside it", () => {
    const doors = /^(index|layers|[a-z]+\/(index|native-core|target))\.ts$/;
    const wrong = sourceFiles().flatMap((file) => {
      const folder = file.split("/")[0];
      return importsOf(file)
        .filter((target) => target.split("/")[0] !== folder && !doors.test(target))
        .map((target) => `${file} imports ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  it("name a chip only in its exporter, its quantizer, the list of targets and the command line's texts", () => {
    const allowed = /^(exporters\/|quantize\/|cli\/|report\/|index\.ts$)/;
    const wrong = sourceFiles().filter(
      (file) => !allowed.test(file) && /["'`](loihi|lynxi)/i.test(readFileSync(join(SOURCE, file), "utf8")),
    );
    expect(wrong).toEqual([]);
  });
});
