/** zod pieces that several schemas share, and the one place where a zod failure becomes our error. */
import { z } from "zod";
import { type ErrorCode, fail } from "./errors.ts";
import { describeIssue } from "./schema-issue.ts";

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
    const known = knownKeys(schema, issue.path, value);
    const near = nearestName(issue.keys[0] ?? "", known);
    fail(code, {
      where: place,
      expected: known.length > 0 ? `only ${known.join(", ")}` : "no unknown fields",
      got: `"${issue.keys.join('", "')}"`,
      ...(near ? { hint: `Did you mean "${near}"?` } : known.length === 0 ? { hint: "Leave it out." } : {}),
    });
  }
  fail(code, { where: place, ...describeIssue(issue, value) });
}

/** Field names of the object schema at a path, looking through wrappers and into the form that the value chose. */
function knownKeys(schema: unknown, path: readonly PropertyKey[], value: unknown): string[] {
  let [current, inside] = [chosenForm(unwrap(schema), value), value];
  for (const key of path) {
    inside = (inside as Record<PropertyKey, unknown> | undefined)?.[key];
    if (current instanceof z.ZodObject) current = current.shape[key as string];
    else if (current instanceof z.ZodArray) current = current.element;
    else if (current instanceof z.ZodRecord) current = current.valueType;
    else return [];
    current = chosenForm(unwrap(current), inside);
  }
  return current instanceof z.ZodObject ? Object.keys(current.shape) : [];
}

/** Of a union told apart by one field (`kind`): the member whose field is the value's. */
function chosenForm(schema: unknown, value: unknown): unknown {
  if (!(schema instanceof z.ZodDiscriminatedUnion)) return schema;
  const { discriminator } = schema.def;
  const wanted = (value as Record<string, unknown> | undefined)?.[discriminator];
  return schema.options.find((option) => {
    const form = unwrap(option);
    const field = form instanceof z.ZodObject ? form.shape[discriminator] : undefined;
    return field instanceof z.ZodLiteral && field.values.has(wanted as string);
  });
}

function unwrap(schema: unknown): unknown {
  while (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable) {
    schema = schema.unwrap();
  }
  return schema;
}
