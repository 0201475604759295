/** JSON files as values: what they must hold is their reader's to check. */
import { z } from "zod";
import { fail } from "./errors.ts";
import { readFileChecked } from "./files.ts";
import { parseWith } from "./schema.ts";

export interface JsonFileOptions {
  /** Larger files are refused unread. */
  maxBytes: number;
  /** What to do about a file that is no JSON. */
  hint?: string;
}

/** The value of a JSON file. @throws FILE when it is missing, too large, or no JSON, saying what stands where. */
export function readJson(path: string, options: JsonFileOptions): unknown;
/** The same, checked with a schema; unknown fields are named. @throws FILE */
export function readJson<T>(path: string, options: JsonFileOptions, schema: z.ZodType<T>): T;
export function readJson(path: string, { maxBytes, hint }: JsonFileOptions, schema: z.ZodType = z.unknown()): unknown {
  const text = new TextDecoder().decode(readFileChecked(path, { maxBytes }));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const got = text.trim() === "" ? "an empty file" : (cause as Error).message;
    fail("FILE", { where: path, expected: "JSON", got, ...(hint === undefined ? {} : { hint }), cause });
  }
  return parseWith(schema, value, path, "FILE");
}
