/** Numbers and paths from the command line. */
import { fail } from "../core/index.ts";

/** A whole number from `least` (0 unless given). @throws OPTION */
export function wholeNumber(name: string, text: string, least = 0): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || text.trim() === "") {
    fail("OPTION", { where: name, expected: `a whole number from ${least}`, got: `"${text}"` });
  }
  return value;
}
