/** Finding out what an export directory holds: every target's manifest names the target and its file in the same two fields. */
import { basename, join } from "node:path";
import { z } from "zod";
import { fail, nonNegativeInteger, parseWith, readFileChecked } from "../core/index.ts";
import type { Finding } from "./target.ts";

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

/** @throws FILE when the directory holds no manifest, or one that points elsewhere. */
export function readArtefactHead(directory: string): ArtefactHead {
  const path = join(directory, MANIFEST_FILE);
  const text = new TextDecoder().decode(readFileChecked(path, { maxBytes: LARGEST_MANIFEST_BYTES }));
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    fail("FILE", { where: path, expected: "JSON", got: (cause as Error).message, cause });
  }
  const head = parseWith(headSchema, json, path, "FILE");
  if (head.file !== basename(head.file) || head.file === "") {
    fail("FILE", { where: `${path}: file`, expected: "the name of a file beside it", got: `"${head.file}"` });
  }
  return { target: head.target, file: join(directory, head.file) };
}
