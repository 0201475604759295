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

/** For an option that may be repeated. */
export const collectPair = (pair: string, earlier: string[] = []): string[] => [...earlier, pair];

/** `name=value` pairs; a value that is JSON (a number, true, null) is taken as such. */
export function optionPairs(pairs: readonly string[] = []): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1) fail("OPTION", { where: "--option", expected: "name=value", got: `"${pair}"` });
      const text = pair.slice(at + 1);
      try {
        return [pair.slice(0, at), JSON.parse(text) as unknown];
      } catch {
        return [pair.slice(0, at), text];
      }
    }),
  );
}
