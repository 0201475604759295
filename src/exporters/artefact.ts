/**
 * What the artefacts of all chips share: how their files are written, and finding out what an export directory holds. Every target's
 * manifest names the target and its file in the same two fields.
 */
import { basename, join } from "node:path";
import { z } from "zod";
import { ensureDirectory, fail, nonNegativeInteger, readJson, sha256, writeFileAtomic } from "../core/index.ts";
import type { Finding, WrittenFile } from "./target.ts";

export const MANIFEST_FILE = "manifest.json";
const LARGEST_MANIFEST_BYTES = 64 * 2 ** 20;

/** A finding as manifests and verdicts keep it. */
export const findingSchema: z.ZodType<Finding> = z.strictObject({
  rule: z.string(),
  severity: z.enum(["error", "warning", "note"]),
  place: z.string(),
  message: z.string(),
  limit: z.string().optional(),
  source: z.string(),
  rewrite: z.string().optional(),
});

/** What an export changed, as manifests keep it. */
export const lossySchema = z.strictObject({
  place: z.string(),
  what: z.string(),
  count: nonNegativeInteger,
  largestChange: z.number(),
});

const headSchema = z.looseObject({ target: z.string(), file: z.string() });

export interface ArtefactHead {
  /** Id of the target. */
  target: string;
  /** Path of the chip's file. */
  file: string;
}

/**
 * A file that is not the one its manifest was written for. It is run all the same, so that a proof can name the first difference; as an
 * error among the events it breaks every contract.
 */
export function changedSinceExport(file: string, expected: string | undefined, found: string): Finding {
  return {
    rule: "artefact/changed",
    severity: "error",
    place: file,
    message: `The file was changed after the export: its sha256 is ${found}, the manifest names ${expected ?? "none"}.`,
    source: MANIFEST_FILE,
    rewrite: "Export again.",
  };
}

/**
 * Writes the files of an artefact by their names, the manifest last: `manifestOf` is given the SHA-256 of all others.
 * @throws WRITE when the directory or a file cannot be written
 */
export function writeFiles(
  directory: string,
  contents: ReadonlyMap<string, Uint8Array | string>,
  manifestOf: (hashes: Record<string, string>) => object,
): WrittenFile[] {
  const files = [...contents].map(([path, bytes]) => ({ path, bytes, sha256: sha256(bytes) }));
  const manifest = manifestOf(Object.fromEntries(files.map((file) => [file.path, file.sha256])));
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  const all = [...files, { path: MANIFEST_FILE, bytes: text, sha256: sha256(text) }];
  ensureDirectory(directory);
  for (const { path, bytes } of all) writeFileAtomic(join(directory, path), bytes);
  return all.map(({ path, bytes, sha256: hash }) => ({ path, bytes: Buffer.byteLength(bytes), sha256: hash }));
}

/** @throws FILE when the directory holds no manifest, or one that points elsewhere. */
export function readArtefactHead(directory: string): ArtefactHead {
  const path = join(directory, MANIFEST_FILE);
  const head = readJson(path, { maxBytes: LARGEST_MANIFEST_BYTES, hint: "Export again." }, headSchema);
  if (head.file !== basename(head.file) || head.file === "") {
    fail("FILE", { where: `${path}: file`, expected: "the name of a file beside it", got: `"${head.file}"` });
  }
  return { target: head.target, file: join(directory, head.file) };
}
