/** Reference files are the ones whose provenance is written down: all listed, none changed. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { expect, it } from "vitest";
import { sha256 } from "../src/core/index.ts";
import { PROJECT_ROOT } from "./fixture.ts";

const folder = join(PROJECT_ROOT, "fixtures");

it("every file in fixtures/ has the hash that SHA256SUMS lists, and every listed file is there", () => {
  const listed = readFileSync(join(folder, "SHA256SUMS"), "utf8").trim().split("\n");
  const found = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== "README.md" && entry.name !== "SHA256SUMS")
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => `${sha256(readFileSync(path))}  ${relative(folder, path).split(sep).join("/")}`);
  expect(found.sort()).toEqual([...listed].sort());
});
