/** A zod failure as *expected X, got Y*: what was asked for in words, and the value that stands there. */
import type { z } from "zod";

/** `value`: what was parsed, from its root. */
export function describeIssue(issue: z.core.$ZodIssue, value: unknown): { expected: string; got: string } {
  const found = issue.path.reduce<unknown>(
    (inside, key) => (inside as Record<PropertyKey, unknown> | null)?.[key],
    value,
  );
  const got = shown(found);
  switch (issue.code) {
    case "invalid_type":
      return { expected: TYPES[issue.expected] ?? `a value of type ${issue.expected}`, got };
    case "too_small":
      return { expected: `${sizeOf(issue.origin)}${issue.inclusive ? "at least" : "more than"} ${issue.minimum}`, got };
    case "too_big":
      return { expected: `${sizeOf(issue.origin)}${issue.inclusive ? "at most" : "less than"} ${issue.maximum}`, got };
    case "invalid_value":
      return { expected: oneOf(issue.values), got };
    case "invalid_union": {
      const options = (issue as { options?: readonly unknown[] }).options;
      return { expected: options ? oneOf(options) : "one of the known forms", got };
    }
    case "invalid_format":
      return { expected: formatOf(issue), got };
    case "custom":
      return { expected: "consistent values", got: issue.message };
    default:
      return { expected: "a valid value", got: `${got} (${issue.message})` };
  }
}

/** A schema's own sentence where it has one; zod's begins with "Invalid". */
function formatOf(issue: { message: string; pattern?: string | undefined; format: string }): string {
  if (!issue.message.startsWith("Invalid")) return issue.message.replace(/^expected /, "");
  return issue.pattern ? `a text that matches ${issue.pattern}` : `a valid ${issue.format}`;
}

const TYPES: Record<string, string> = {
  int: "a whole number",
  number: "a number",
  string: "a text",
  boolean: "true or false",
  array: "a list",
  tuple: "a list",
  object: "an object with fields",
  record: "an object with fields",
  nonoptional: "a value",
  null: "null",
};

/** Lists and texts are limited in length, numbers in value. */
function sizeOf(origin: string): string {
  if (origin === "array" || origin === "set") return "a list whose length is ";
  return origin === "string" ? "a text whose length is " : "";
}

const oneOf = (values: readonly unknown[]): string =>
  values.length === 1 ? JSON.stringify(values[0]) : `one of ${values.map((value) => JSON.stringify(value)).join(", ")}`;

const LONGEST_SHOWN = 60;

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}...` : text;
}
