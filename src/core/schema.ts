/** zod pieces that several schemas share, and the one place where a zod failure becomes our error. */
import { z } from "zod";
import { type ErrorCode, fail } from "./errors.ts";

export const positiveInteger = z.int().min(1);
export const nonNegativeInteger = z.int().min(0);
export const probability = z.number().min(0).max(1);

/** The known name closest to a misspelled one (edit distance at most a third of its length), or null. */
export function nearestName(name: string, known: readonly string[]): string | null {
  const scored = known
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const best = scored[0];
  return best && best.distance <= Math.max(2, name.length / 3) ? best.candidate : null;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** Parses with a schema; the first problem becomes an error that names the place and, for unknown keys, the nearest known one. */
export function parseWith<T>(schema: z.ZodType<T>, value: unknown, where: string, code: ErrorCode = "OPTION"): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const place = issue.path.length > 0 ? `${where}: ${issue.path.join(".")}` : where;
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(schema, issue.path);
    const near = nearestName(issue.keys[0] ?? "", known);
    fail(code, {
      where: place,
      expected: known.length > 0 ? `only ${known.join(", ")}` : "no unknown fields",
      got: `"${issue.keys.join('", "')}"`,
      ...(near ? { hint: `Did you mean "${near}"?` } : {}),
    });
  }
  fail(code, { where: place, expected: "a valid value", got: issue.message });
}

/** Field names of the object schema at a path, looking through optional and default wrappers. */
function knownKeys(schema: unknown, path: readonly PropertyKey[]): string[] {
  let current: unknown = unwrap(schema);
  for (const key of path) {
    if (current instanceof z.ZodObject) current = unwrap(current.shape[key as string]);
    else if (current instanceof z.ZodArray) current = unwrap(current.element);
    else return [];
  }
  return current instanceof z.ZodObject ? Object.keys(current.shape) : [];
}

function unwrap(schema: unknown): unknown {
  while (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable) {
    schema = schema.unwrap();
  }
  return schema;
}
