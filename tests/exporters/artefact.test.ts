/** Finding out what an export directory holds, and which target a file belongs to. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  deploymentTargets,
  MANIFEST_FILE,
  readArtefactHead,
  targetById,
  targetForFile,
} from "../../src/exporters/index.ts";
import { errorOf, temporaryFolder } from "../error-of.ts";

const folder = temporaryFolder();

function directoryWith(name: string, manifest: string): string {
  const directory = join(folder, name);
  mkdirSync(directory);
  writeFileSync(join(directory, MANIFEST_FILE), manifest);
  return directory;
}

describe("the manifest of an export directory", () => {
  it("names target and file, whatever else it says", () => {
    const directory = directoryWith("good", '{ "target": "loihi", "file": "network.net", "more": [1] }');
    expect(readArtefactHead(directory)).toEqual({ target: "loihi", file: join(directory, "network.net") });
  });

  it("is refused by name when it is missing, cut off, or says less", () => {
    for (const directory of [
      join(folder, "missing"),
      directoryWith("cut", '{ "target": "lo'),
      directoryWith("less", '{ "target": "loihi" }'),
      directoryWith("list", "[]"),
    ]) {
      const { code, message } = errorOf(() => readArtefactHead(directory));
      expect(code).toBe("FILE");
      expect(message).toContain(join(directory, MANIFEST_FILE));
    }
  });

  it("cannot point out of its directory", () => {
    for (const file of ["../network.net", "/etc/passwd", "a/../../b.net", ""]) {
      const directory = directoryWith(`out-${file.replaceAll("/", "_")}`, JSON.stringify({ target: "loihi", file }));
      expect(errorOf(() => readArtefactHead(directory)).code, file).toBe("FILE");
    }
  });
});

describe("a target", () => {
  it("is found by its name and by the ending of its file", () => {
    for (const target of deploymentTargets) {
      expect(targetById(target.id)).toBe(target);
      expect(targetForFile(`some/NETWORK${target.extension.toUpperCase()}`)).toBe(target);
    }
  });

  it("that is misspelled is refused with the nearest name, and another ending with those there are", () => {
    expect(errorOf(() => targetById("loihy")).message).toContain('Did you mean "loihi"?');
    expect(errorOf(() => targetForFile("network.h5")).message).toContain(".net");
  });
});
