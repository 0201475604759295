/**
 * Text that is safe inside a page. Everything that goes through the `html` tag is escaped unless it is `Html` already, so a layer
 * name or a title from a file can never become markup. It knows two places only: element content and double-quoted attributes.
 */
import { fail } from "../core/index.ts";

/** Markup. Made by the `html` tag, and by the style sheet, which holds no foreign text. */
export class Html {
  constructor(readonly text: string) {}

  toString(): string {
    return this.text;
  }
}

export type Content = string | number | Html | null | readonly Content[];

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Control characters but tab and line ends, halves of surrogate pairs, and two code points that are no characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these are to be replaced
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]|\p{Surrogate}/gu;

/** Escapes text. Control characters, which HTML forbids or drops, become visible as the replacement character. */
export function escapeText(text: string): string {
  return text.replace(FORBIDDEN, "\ufffd").replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

function render(content: Content): string {
  if (content === null) return "";
  if (content instanceof Html) return content.text;
  if (typeof content === "string") return escapeText(content);
  if (typeof content === "number") return renderNumber(content);
  return content.map(render).join("");
}

/** Whole numbers as they are, coordinates with two decimals. */
function renderNumber(value: number): string {
  if (!Number.isFinite(value)) fail("VALUE", { where: "report", expected: "a finite number", got: `${value}` });
  return `${Math.round(value * 100) / 100}`;
}

/**
 * Tag of template literals: the literal parts are markup, the values are escaped. `null` is nothing, lists are joined.
 * @throws VALUE on a number that is not finite.
 */
export function html(parts: TemplateStringsArray, ...values: Content[]): Html {
  return new Html(parts.reduce((text, part, i) => text + render(values[i - 1] ?? null) + part));
}
