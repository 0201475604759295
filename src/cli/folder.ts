/** Folders that commands are pointed at: whether a path is one, and whether the command before has been there. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../core/index.ts";
import { MANIFEST_FILE, readArtefactHead } from "../exporters/index.ts";

const isFolder = (path: string): boolean => existsSync(path) && statSync(path).isDirectory();

/** Names what must be run first. @throws FILE when a folder has no `file`, which `command` writes there. */
export function expectWrittenBy(command: string, folder: string, file: string): void {
  if (existsSync(join(folder, file))) return;
  fail("FILE", {
    where: folder,
    expected: `a folder with ${file}, as ${command} writes it`,
    got: isFolder(folder) ? "a folder without" : existsSync(folder) ? "a file" : "no such file or folder",
    hint: `Check the path, or run ${command} first.`,
  });
}

/** The chip's file of an exported folder; any other path is the file itself. @throws FILE when a folder holds no export */
export function chipFile(path: string): string {
  if (!isFolder(path)) return path;
  expectWrittenBy("spikeship export", path, MANIFEST_FILE);
  return readArtefactHead(path).file;
}
